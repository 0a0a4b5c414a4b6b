// sums[part] = sum of x^2 over the elements of the part.
// Shapes: ten runs x [count], sums f32 [all their parts]. A workgroup: one part of PART elements of one
// run. Meaning: Graph/Operations/GlobalNorm.swift
#version 460
#include "common/values.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/global_norm.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint PART = 8192;
VALUE_ACCESS(X, STORAGE_X)

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
  uint size = p.count[run];
  uint end = min((part + 1) * PART, size);  // in elements; PART is even
  uint i = part * PART + VALUE_SIZE * gl_LocalInvocationIndex;
  uint stride = VALUE_SIZE * gl_WorkGroupSize.x;
  LongSum sum = longSum();
  while (i < end) {
    uint stop = min(i + CHUNK * stride, end);
    Value chunk = Value(0);
    for (; i < stop; i += stride) {
      Value value = getX(x, i / VALUE_SIZE);
#ifdef PAIRS
      if (i + 1 >= size) value.y = 0;  // padding
#endif
      chunk += value * value;
    }
    add(sum, vec2(total(chunk), 0));
  }
  float sumOfSquares = groupSum(sum.value.x);
  if (gl_LocalInvocationIndex == 0) storeF32(p.sums, linearGroup(), sumOfSquares);
}
