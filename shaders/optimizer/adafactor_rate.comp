// rate = learningRate / max(1, rms(u) / clipThreshold). Shapes: by tensor sums of u^2 f32 [size of the
// entry], rate f32. A workgroup: a tensor. Meaning: Graph/Operations/Adafactor.swift
#version 460
#include "common/values.glsl"
#include "optimizer/adafactor.glsl"

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = tensorOf(group);
  LongSum sum = longSum();
  for (uint i = gl_LocalInvocationIndex; i < tensor.size; i += gl_WorkGroupSize.x) {
    add(sum, vec2(loadF32(address(tensor, SQUARE_SUMS), i), 0));
  }
  float rms = sqrt(groupSum(sum.value.x) / float(tensor.count));
  float rate = loadF32(p.learningRate, 0) / max(1.0, rms / p.clipThreshold);
  if (gl_LocalInvocationIndex == 0) storeF32(address(tensor, SLOT), 1, rate);
}
