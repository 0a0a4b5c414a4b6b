// Finite norm: scale = min(1, maximum / (norm + 1e-6)), step' = step + 1; else scale = -1, step' =
// step. A negative maximum means none. With LOSS_SCALING the norm is divided by the loss scale first, so
// is the scale, and the loss scale doubles after growthInterval finite norms and halves after another.
// One invocation, which reads before it writes. Meaning: Graph/Operations/ClipControl.swift
#version 460
#include "common/storage.glsl"
#include "parameters/clip_control.h"

layout(local_size_x = 1) in;

void main() {
  float norm = loadF32(p.norm, 0);
  float step = loadF32(p.step, 0);
  bool isFinite = (floatBitsToUint(norm) & 0x7f800000u) != 0x7f800000u;
#ifdef LOSS_SCALING
  float lossScale = loadF32(p.lossScale, 0);
  float goodSteps = isFinite ? loadF32(p.goodSteps, 0) + 1.0 : 0.0;
  norm /= lossScale;
#else
  const float lossScale = 1.0;
#endif
  float scale = p.maximum < 0.0 ? 1.0 : min(1.0, p.maximum / (norm + 1e-6));
  storeF32(p.scale, 0, isFinite ? scale / lossScale : -1.0);
  storeF32(p.nextStep, 0, isFinite ? step + 1.0 : step);
#ifdef LOSS_SCALING
  bool grows = goodSteps == p.growthInterval;
  float larger = grows ? min(2.0 * lossScale, p.most) : lossScale;
  storeF32(p.trueNorm, 0, norm);
  storeF32(p.nextLossScale, 0, isFinite ? larger : max(0.5 * lossScale, p.least));
  storeF32(p.nextGoodSteps, 0, grows ? 0.0 : goodSteps);
#endif
}
