// y = activation(scale * op(a) op(b) + bias) + residual, batched, through shared memory: the kernels `shared`
// and, with MATRIX_TYPE, `matrix` (cooperative matrices); see staging.glsl for FORM and block.glsl for both.
// Shapes: a [batch, M, K], b [batch, K, N], either transposed; bias [N]; residual, y [batch, M, N].
// One workgroup per block of y (blocks of rows first, then of columns), item of the batch and split
// of k. With more than one split y is the f32 partial sums [splits, batch, M, N] for
// sum_partials.comp.
// Meaning: Graph/Operations/MatrixProduct.swift
#version 460
#include "product/block.glsl"
#include "parameters/matrix_product.h"

// Where the block's next values of k begin; byte offsets of the invocation's items from there; values of k
// that are left.
uint64_t a, b;
uint offsetA[A_ITEMS], offsetB[B_ITEMS];
uint left;

void fetchItemA(uint i) { fetchA(i, a, offsetA[i], isWithin(depthOfA(i), left)); }
void fetchItemB(uint i) { fetchB(i, b, offsetB[i], isWithin(depthOfB(i), left)); }
void moveOn() {
  left -= DEPTH;
  a += DEPTH * p.aStep * BYTES_A;
  b += DEPTH * p.bStep * BYTES_B;
}

void main() {
  Block block = blockOfGroup(p.m, p.firstColumn, p.endColumn);
  if (block.copy >= p.batch * p.splits) return;
  uint item = block.copy % p.batch;
  uint first = block.copy / p.batch * p.splitLength;
  a = p.a + uint64_t(item * p.aBatch + first * p.aStep) * BYTES_A;
  b = p.b + uint64_t(item * p.bBatch + first * p.bStep) * BYTES_B;
  left = min(p.splitLength, p.k - first);
  [[unroll]] for (uint i = 0; i < A_ITEMS; i++) {
    uint row = clampedRow(block.row + rowOfA(i), p.m);
    offsetA[i] = (row * p.aRow + depthOfA(i) * p.aStep) * BYTES_A;
  }
  [[unroll]] for (uint i = 0; i < B_ITEMS; i++) {
    uint column = clampedColumn(block.column + columnOfB(i), p.n);
    offsetB[i] = (column * p.bColumn + depthOfB(i) * p.bStep) * BYTES_B;
  }
  clearSums();
  accumulate(left);
  Epilogue e = Epilogue(p.y, p.bias, p.residual, p.scale);
  storeBlock(e, block, block.copy * p.m * p.n, p.n, p.m, p.n);
}
