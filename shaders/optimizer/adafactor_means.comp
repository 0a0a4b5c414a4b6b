// C' = b C + (1 - b) (column means of g^2 + epsilon), and mean(R'). Shapes: by tensor C f32 [columns],
// sums f32 [parts, columns], R' f32 [rows]. A workgroup: a block of columns, lanes side by side; the
// last of a tensor: R'. Meaning: Graph/Operations/Adafactor.swift
#version 460
#include "common/values.glsl"
#define FACTORED
#include "optimizer/adafactor.glsl"

void columnMeans(UpdatedTensor tensor, uint rows, uint columns) {
  uint column = tensor.group * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (column >= columns) return;
  uint parts = (rows + ROWS_OF_PART - 1) / ROWS_OF_PART;
  Value sum = Value(0);
  for (uint part = 0; part < parts; part++) {
    sum += getF(address(tensor, COLUMN_SUMS), part * columns + column);
  }
  Value old = getF(address(tensor, 3), column);
  Value mean = sum / float(rows) + EPSILON;
  Value updated = old + newestWeight() * (mean - old);
  putF(address(tensor, COLUMNS_OUT), column, gradientScale() < 0.0 ? old : updated);
}

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = tensorOf(group);
  uint columns = tensor.size / VALUE_SIZE, rows = tensor.count / tensor.size;
  if (tensor.group * gl_WorkGroupSize.x < columns) {
    columnMeans(tensor, rows, columns);
    return;
  }
  LongSum sum = longSum();
  for (uint row = gl_LocalInvocationIndex; row < rows; row += gl_WorkGroupSize.x) {
    add(sum, vec2(loadF32(address(tensor, ROWS_OUT), row), 0));
  }
  float all = groupSum(sum.value.x);
  if (gl_LocalInvocationIndex == 0) storeF32(address(tensor, SLOT), 0, all / float(rows));
}
