// dweight[c] = sum of sums[r, c, 0], dbias[c] = sum of sums[r, c, 1] over the rows, in order.
// Shapes: sums f32 [rows, channels, 2], dweight, dbias [channels]. A workgroup: lanes side by side over
// channels. Meaning: Graph/Operations/LayerNorm.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "norm/sums.glsl"
#include "parameters/layer_norm_parameter_gradient.h"

layout(local_size_x_id = 0) in;
STORAGE_ACCESS(W, STORAGE_W)

void main() {
  uint c = linearGroup() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (c >= p.channels) return;
  LongSum sum = longSum();
  for (uint row = 0; row < p.rows; row++) add(sum, loadSums(p.sums, row * p.channels + c));
  storeW(p.dweight, c, sum.value.x);
  storeW(p.dbias, c, sum.value.y);
}
