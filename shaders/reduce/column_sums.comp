// y[a, part, c] = sum of x[a, r, c] over the rows r of the part.
// Shapes: x [outer, rows, columns], y [outer, parts, columns], columns in Values. A workgroup: one part
// of one a, lanes side by side over columns; parts are summed by a second launch, in order.
// Meaning: Graph/Operations/SumTo.swift
#version 460
#include "common/values.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/sum_to.h"

layout(local_size_x_id = 0) in;
VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  uint blocks = (p.columns + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;
  uint part = linearGroup() / blocks;  // of all a
  if (part >= p.outer * p.parts) return;
  uint column = (linearGroup() - part * blocks) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (column >= p.columns) return;
  uint outer = part / p.parts;
  uint row = (part - outer * p.parts) * p.rowsOfPart;
  uint end = min(row + p.rowsOfPart, p.rows);
  LongSum sum = longSum();
  while (row < end) {
    uint stop = min(row + CHUNK, end);
    Value chunk = Value(0);
    for (; row < stop; row++) chunk += getX(p.x, (outer * p.rows + row) * p.columns + column);
    addValue(sum, chunk);
  }
  putY(p.y, part * p.columns + column, valueOf(sum));
}
