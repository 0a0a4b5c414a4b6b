// y = activation(scale * op(a) op(b) + bias) + residual, batched; see tile.glsl for FORM.
// Shapes: a [batch, M, K], b [batch, K, N], either transposed; bias [N]; residual, y [batch, M, N].
// One workgroup per tile of y and split of k; row blocks first, then column blocks, batch, splits.
// With more than one split y is the f32 partial sums [splits, batch, M, N] for sum_partials.comp.
// Meaning: Graph/Operations/MatrixProduct.swift
#version 460
#include "product/tile.glsl"
#include "parameters/matrix_product.h"

void main() {
  uint columnWidth = gl_WorkGroupSize.x * COLUMNS;
  uint rowBlocks = (p.m + ROWS - 1) / ROWS;
  uint columnBlocks = (p.n + columnWidth - 1) / columnWidth;
  uint group = linearGroup();
  uint row = group % rowBlocks * ROWS;
  uint column = group / rowBlocks % columnBlocks * columnWidth;
  uint slice = group / (rowBlocks * columnBlocks);  // split * batch + item
  if (slice >= p.batch * p.splits) return;
  uint item = slice % p.batch;
  uint first = slice / p.batch * p.splitLength;
  clearSums();
  setRows(row, p.m, p.aRow);
  setColumns(column, p.n, p.bColumn);
  // Addresses move to the start of this item's split.
  uint64_t a = p.a + uint64_t(item * p.aBatch + first * p.aStep) * BYTES_A;
  uint64_t b = p.b + uint64_t(item * p.bBatch + first * p.bStep) * BYTES_B;
  uint count = min(p.splitLength, p.k - first);
  uint aStep = p.aStep;
  uint bStep = p.bStep;
  for (uint k = 0; k < count; k += STEP) addStep(a, k * aStep, b, k * bStep, bStep);
  Epilogue e = Epilogue(p.y, p.bias, p.residual, p.scale);
  storeTile(e, slice * p.m * p.n, p.n, row, p.m, column, p.n);
}
