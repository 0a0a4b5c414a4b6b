// y = sqrt(sum of sums), in order.
// Shapes: sums f32 [count], y f32 [1]. One workgroup. Meaning: Graph/Operations/GlobalNorm.swift
#version 460
#include "common/storage.glsl"
#include "common/reduce.glsl"
#include "parameters/global_norm_total.h"

layout(local_size_x_id = 0) in;

void main() {
  LongSum sum = longSum();
  for (uint i = gl_LocalInvocationIndex; i < p.count; i += gl_WorkGroupSize.x) {
    add(sum, vec2(loadF32(p.sums, i), 0));
  }
  float total = groupSum(sum.value.x);
  if (gl_LocalInvocationIndex == 0) storeF32(p.y, 0, sqrt(total));
}
