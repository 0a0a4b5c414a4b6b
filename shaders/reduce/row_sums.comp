// y[a, part] = sum of x[a, r] over the r of the part.
// Shapes: x [outer, rows], y [outer, parts]. A workgroup: one part of one a; parts are summed by a
// second launch, in order. Meaning: Graph/Operations/SumTo.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/sum_to.h"

layout(local_size_x_id = 0) in;
STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(Y, STORAGE_Y)

void main() {
  uint part = linearGroup();
  if (part >= p.outer * p.parts) return;
  uint outer = part / p.parts;
  uint row = (part - outer * p.parts) * p.rowsOfPart;
  uint end = min(row + p.rowsOfPart, p.rows);
  row += gl_LocalInvocationIndex;
  LongSum sum = longSum();
  while (row < end) {
    uint stop = min(row + CHUNK * gl_WorkGroupSize.x, end);
    float chunk = 0;
    for (; row < stop; row += gl_WorkGroupSize.x) chunk += loadX(p.x, outer * p.rows + row);
    add(sum, vec2(chunk, 0));
  }
  float total = groupSum(sum.value.x);
  if (gl_LocalInvocationIndex == 0) storeY(p.y, part, total);
}
