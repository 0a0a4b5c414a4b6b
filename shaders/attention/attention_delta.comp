// delta = sum over the head's width of o dO, minus dLogSumExp: what the softmax's gradient subtracts.
// Shapes: parameters/attention.h. One invocation per query and head.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint ITEMS = 4;
#include "common/storage.glsl"
#include "common/index.glsl"
#include "parameters/attention_delta.h"

STORAGE_ACCESS(X, STORAGE_X)

void main() {
  uint first = linearGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationIndex;
  for (uint item = 0; item < ITEMS; item++) {
    uint i = first + item * gl_WorkGroupSize.x;  // [samples, heads, queries]
    if (i < p.samples * p.heads * p.queries) {
      uint query = i % p.queries;
      uint head = i / p.queries % p.heads;
      uint row = ((i / p.queries / p.heads * p.queries + query) * p.heads + head) * p.width;
      float sum = 0;
      for (uint d = 0; d < p.width; d++) sum += loadX(p.o, row + d) * loadX(p.dO, row + d);
      if (p.dLogSumExp != 0) sum -= loadF32(p.dLogSumExp, i);
      storeF32(p.delta, i, sum);
    }
  }
}
