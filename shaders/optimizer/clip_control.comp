// Finite norm: scale = min(1, maximum / (norm + 1e-6)), step' = step + 1; else scale = -1, step' =
// step. A negative maximum means none. One invocation. Meaning: Graph/Operations/ClipControl.swift
#version 460
#include "common/storage.glsl"
#include "parameters/clip_control.h"

layout(local_size_x = 1) in;

void main() {
  float norm = loadF32(p.norm, 0);
  float step = loadF32(p.step, 0);
  bool isFinite = (floatBitsToUint(norm) & 0x7f800000u) != 0x7f800000u;
  float scale = p.maximum < 0.0 ? 1.0 : min(1.0, p.maximum / (norm + 1e-6));
  storeF32(p.scale, 0, isFinite ? scale : -1.0);
  storeF32(p.nextStep, 0, isFinite ? step + 1.0 : step);
}
