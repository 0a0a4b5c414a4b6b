// sums[part, c] = (sum of dy h, sum of dy) over the rows of the part, h = (x - mean) rstd.
// Shapes: see parameters/layer_norm_gradient.h. A workgroup: one part, lanes side by side over columns.
// Meaning: Graph/Operations/LayerNorm.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/layer_norm_gradient.h"

layout(local_size_x_id = 0) in;
STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(DY, STORAGE_DY)

void main() {
  uint blocks = (p.width + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;
  uint part = linearGroup() / blocks;
  if (part >= p.parts) return;
  uint c = (linearGroup() - part * blocks) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (c >= p.width) return;
  uint row = part * p.rowsOfPart;
  uint end = min(row + p.rowsOfPart, p.rows);
  LongSum sum = longSum();
  while (row < end) {
    uint stop = min(row + CHUNK, end);
    vec2 chunk = vec2(0);
    for (; row < stop; row++) {
      float h = (loadX(p.x, row * p.width + c) - loadF32(p.mean, row)) * loadF32(p.rstd, row);
      float dy = loadDY(p.dy, row * p.width + c);
      chunk += vec2(dy * h, dy);
    }
    add(sum, chunk);
  }
  storeF32(p.sums, 2 * (part * p.width + c), sum.value.x);
  storeF32(p.sums, 2 * (part * p.width + c) + 1, sum.value.y);
}
