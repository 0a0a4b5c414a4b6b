// dweight[c] = sum of sums[r, c, 0], dbias[c] = sum of sums[r, c, 1] over the rows, in order.
// Shapes: sums f32 [rows, channels, 2], dweight, dbias [channels]. A workgroup: lanes side by side over
// channels. Meaning: Graph/Operations/GroupNorm+Gradient.swift and LayerNorm.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/norm_parameter_gradient.h"

layout(local_size_x_id = 0) in;
STORAGE_ACCESS(W, STORAGE_W)

void main() {
  uint c = linearGroup() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (c >= p.channels) return;
  LongSum sum = longSum();
  for (uint row = 0; row < p.rows; row++) {
    uint source = 2 * (row * p.channels + c);
    add(sum, vec2(loadF32(p.sums, source), loadF32(p.sums, source + 1)));
  }
  storeW(p.dweight, c, sum.value.x);
  storeW(p.dbias, c, sum.value.y);
}
