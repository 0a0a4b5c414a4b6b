// sums[part, c] = sum of g^2 over the rows of the part. Shapes: by tensor g [rows, columns], sums f32
// [parts, columns]. A workgroup: one part of a block of columns, lanes side by side.
// Meaning: Graph/Operations/Adafactor.swift
#version 460
#include "common/values.glsl"
#define FACTORED
#include "optimizer/adafactor.glsl"

VALUE_ACCESS(G, STORAGE_G)

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = tensorOf(group);
  float scale = gradientScale();
  uint columns = tensor.size / VALUE_SIZE, rows = tensor.count / tensor.size;
  uint blocks = (columns + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;
  uint part = tensor.group / blocks;
  uint column = (tensor.group - part * blocks) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (column >= columns) return;
  uint64_t gradient = address(tensor, 1);
  uint row = part * ROWS_OF_PART;
  uint end = min(row + ROWS_OF_PART, rows);
  LongSum sum = longSum();
  while (row < end) {
    uint stop = min(row + CHUNK, end);
    Value chunk = Value(0);
    for (; row < stop; row++) {
      Value g = scale * getG(gradient, row * columns + column);
      chunk += g * g;
    }
    addValue(sum, chunk);
  }
  putF(address(tensor, COLUMN_SUMS), part * columns + column, valueOf(sum));
}
