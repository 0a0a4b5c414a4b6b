// sums[part] = sum of x^2 over the elements of the part.
// Shapes: ten runs x [count], sums f32 [all their parts]. A workgroup: one part of PART elements of one
// run. Meaning: Graph/Operations/GlobalNorm.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/global_norm.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint PART = 8192;
STORAGE_ACCESS(X, STORAGE_X)

void main() {
  uint part = linearGroup();
  uint run = 0;
  while (run < 10) {
    uint parts = (p.count[run] + PART - 1) / PART;
    if (part < parts) break;
    part -= parts;
    run++;
  }
  if (run == 10) return;
  uint64_t x = p.x[run];
  uint end = min((part + 1) * PART, p.count[run]);
  uint i = part * PART + gl_LocalInvocationIndex;
  LongSum sum = longSum();
  while (i < end) {
    uint stop = min(i + CHUNK * gl_WorkGroupSize.x, end);
    float chunk = 0;
    for (; i < stop; i += gl_WorkGroupSize.x) {
      float value = loadX(x, i);
      chunk += value * value;
    }
    add(sum, vec2(chunk, 0));
  }
  float total = groupSum(sum.value.x);
  if (gl_LocalInvocationIndex == 0) storeF32(p.sums, linearGroup(), total);
}
