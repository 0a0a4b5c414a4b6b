// y = sums of pairs, in order. Shapes: sums f32 [count, 2], y f32 [2]. One workgroup.
// Meaning: Graph/Operations/Prodigy.swift
#version 460
#include "common/storage.glsl"
#include "common/reduce.glsl"
#include "parameters/prodigy_sums.h"

layout(local_size_x_id = 0) in;

void main() {
  LongSum sum = longSum();
  for (uint i = gl_LocalInvocationIndex; i < p.count; i += gl_WorkGroupSize.x) {
    add(sum, vec2(loadF32(p.sums, 2 * i), loadF32(p.sums, 2 * i + 1)));
  }
  vec2 total = groupSum(sum.value);
  if (gl_LocalInvocationIndex != 0) return;
  storeF32(p.y, 0, total.x);
  storeF32(p.y, 1, total.y);
}
