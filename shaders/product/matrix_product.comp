// y = activation(scale * op(a) op(b) + bias) + residual, batched; see tile.glsl for FORM.
// Shapes: a [batch, M, K], b [batch, K, N], either transposed; bias [N]; residual, y [batch, M, N].
// One workgroup per block of y (blocks of rows first, then of columns), item of the batch and split
// of k. With more than one split y is the f32 partial sums [splits, batch, M, N] for
// sum_partials.comp. With ROW_SUMS (FORM 3, one item and split) there is no bias, and the sums over k of
// op(a)'s rows are stored in its place. With PANELS columns of b, and in FORM 3 rows of a, lie in panels of bStep and aStep.
// Meaning: Graph/Operations/MatrixProduct.swift, LinearParameterGradient.swift
#version 460
#if FORM == 3
#define MASKED_COLUMNS true
#endif
#include "product/tile.glsl"
#include "parameters/matrix_product.h"

void main() {
  Place at = place(p.m, p.n, p.laneShift);
  if (at.copy >= p.batch * p.splits) return;
  uint item = at.copy % p.batch;
  uint first = at.copy / p.batch * p.splitLength;
  clearSums();
#ifdef ROW_SUMS
  clearRowSums();
#endif
#if defined(PANELS) && FORM == 3
  setRowPanels(at, p.m, p.aStep, p.k);
#else
  setRows(at, p.m, p.aRow);
#endif
#ifdef PANELS
  setColumnPanels(at, p.n, p.bStep, p.k);
#else
  setColumns(at, p.n, p.bColumn);
#endif
  // Addresses move to the start of this item's split.
  uint64_t a = p.a + uint64_t(item * p.aBatch + first * p.aStep) * BYTES_A;
  uint64_t b = p.b + uint64_t(item * p.bBatch + first * p.bStep) * BYTES_B;
  uint count = min(p.splitLength, p.k - first);
  uint aStep = p.aStep;
  uint bStep = p.bStep;
  for (uint turn = 0; turn < count; turn += STEP * TURN) {
    [[unroll]] for (uint i = 0; i < TURN; i++) {
      uint k = TURN > 1 ? min(turn + i, count - 1) : turn;
      columnsInside = turn + i < count;
#ifdef ROW_SUMS
      stepInside = columnsInside;
#endif
      addStep(a, k * aStep, b, k * bStep, bStep, count - k, i);
    }
  }
#ifdef ROW_SUMS
  storeRowSums(p.bias, at, p.m);
  Epilogue e = Epilogue(p.y, 0ul, p.residual, p.scale);
#else
  Epilogue e = Epilogue(p.y, p.bias, p.residual, p.scale);
#endif
  storeTile(e, at, at.copy * p.m * p.n, p.n, p.m, p.n);
}
