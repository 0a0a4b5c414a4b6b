// The distance of Prodigy. Shapes: sums, control f32 [2], steps f32 [3]. One invocation.
// Meaning: Graph/Operations/Prodigy.swift
#version 460
#include "common/storage.glsl"
#include "optimizer/prodigy.glsl"
#include "parameters/prodigy_distance.h"

layout(local_size_x = 1) in;

void main() {
  float scale = loadF32(p.scale, 0);
  float d = loadF32(p.control, 0), numerator = loadF32(p.control, 1);
  float product = loadF32(p.sums, 0), size = loadF32(p.sums, 1);
  bool isSkipped = scale < 0.0 || size == 0.0;
  float rate = rateOf(
      d, loadF32(p.learningRate, 0), loadF32(p.step, 0), p.correctsBias != 0, p.logBeta1,
      p.logBeta2);
  float updated = p.beta3 * numerator + d / p.d0 * rate * product;
  float next = max(d, p.dCoefficient * updated / size);
  storeF32(p.controlOut, 0, isSkipped ? d : next);
  storeF32(p.controlOut, 1, isSkipped ? numerator : updated);
  storeF32(p.steps, 0, isSkipped ? 0.0 : rate);
  storeF32(p.steps, 1, isSkipped ? 0.0 : next * p.epsilon);
  storeF32(p.steps, 2, isSkipped ? -1.0 : scale);
}
