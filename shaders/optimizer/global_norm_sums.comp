// sums[part] = sum of x^2 over the elements of the part.
// Shapes: by tensor x [its elements]; sums f32 [all their parts]. Mapping: optimizer/tensors.glsl, a
// workgroup for each part of PART elements. Meaning: Graph/Operations/GlobalNorm.swift
#version 460
#include "optimizer/tensors.glsl"
#include "common/reduce.glsl"
#include "parameters/global_norm.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint PART = 8192;
VALUE_ACCESS(X, STORAGE_X)

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = updatedTensor(p.table, p.entryWords, p.tensors, group);
  uint64_t x = address(tensor, 0);
  uint size = tensor.count;
  uint end = min((tensor.group + 1) * PART, size);  // in elements; PART is even
  uint i = tensor.group * PART + VALUE_SIZE * gl_LocalInvocationIndex;
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
  if (gl_LocalInvocationIndex == 0) storeF32(p.sums, group, sumOfSquares);
}
