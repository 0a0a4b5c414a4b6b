// dk = ds^T q / sqrt(D) and dv = p^T do with p = e^(q k^T / sqrt(D) - logSumExp) and
// ds = p * (do v^T - delta), on matrix units. Rows are keys, blocks of queries are walked; see
// attention_matrix.glsl.
// Shapes: q, do [N, T, heads D]; k, v, dk, dv [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// One workgroup per block of keys, head and sample, in this order. No causal mask.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#define PLACES 2
#include "attention/attention_matrix.glsl"

const uint QUERIES = 0;
const uint SLOPES = 1;

void main() {
  Place at = placeOfGroup(p.keys, BLOCK_ROWS);
  if (!at.isPresent) return;
  uint stride = at.rowStride;
  float scale = p.scale * LOG2_E, unscale = -1.0 / p.scale;
  MatrixA key[FRAGMENT_ROWS * HEAD_STEPS], value[FRAGMENT_ROWS * HEAD_STEPS];
  STAGE_ROWS(0, K, p.k, at.keyBase, at.firstRow, p.keys, stride)
  LOAD_ROWS(0, key)
  STAGE_ROWS(1, K, p.v, at.keyBase, at.firstRow, p.keys, stride)
  LOAD_ROWS(1, value)
  FETCH_LINES(QUERIES, Q, p.q, at.queryBase, 0, p.queries, stride)
  FETCH_LINES(SLOPES, Q, p.dO, at.queryBase, 0, p.queries, stride)
  MatrixSum dKey[FRAGMENT_ROWS * HEAD_COLUMNS], dValue[FRAGMENT_ROWS * HEAD_COLUMNS];
  CLEAR_SUMS(dKey)
  CLEAR_SUMS(dValue)
  for (uint first = 0; first < p.queries; first += BLOCK) {
    uint left = p.queries - first;
    barrier();
    stageLines(QUERIES, left);
    stageLines(SLOPES, left);
    for (uint line = gl_LocalInvocationIndex; line < BLOCK; line += THREADS) {
      uint statistic = at.statistic + first + min(line, left - 1);
      float logSumExp = loadF32(p.logSumExp, statistic), delta = loadF32(p.delta, statistic);
      setColumnValue(0, line, line < left ? logSumExp * unscale : FAR_BELOW);
      setColumnValue(1, line, -delta);
    }
    barrier();
    if (left > BLOCK) {
      FETCH_LINES(QUERIES, Q, p.q, at.queryBase, first + BLOCK, p.queries, stride)
      FETCH_LINES(SLOPES, Q, p.dO, at.queryBase, first + BLOCK, p.queries, stride)
    }
    [[unroll]] for (uint c = 0; c < BLOCK_COLUMNS; c += 2) {
      MatrixSum scores[2 * FRAGMENT_ROWS], slopes[2 * FRAGMENT_ROWS];
      [[unroll]] for (uint i = 0; i < 2 * FRAGMENT_ROWS; i++) {
        LOAD_COLUMN_VALUES(scores[i], 0, c + i / FRAGMENT_ROWS)
        LOAD_COLUMN_VALUES(slopes[i], 1, c + i / FRAGMENT_ROWS)
      }
      ADD_SCORES(scores, key, QUERIES, c, 2)
      ADD_SCORES(slopes, value, SLOPES, c, 2)
      [[unroll]] for (uint i = 0; i < 2 * FRAGMENT_ROWS; i++) {
        MatrixSum weights = scores[i];
        EACH_ELEMENT(e, weights) ELEMENT(weights, e) = exp2(ELEMENT(weights, e) * scale);
        MatrixSum change = slopes[i];
        SCALE_BY(change, weights)
        STORE_WEIGHTS(weights, 0, i % FRAGMENT_ROWS, c + i / FRAGMENT_ROWS)
        STORE_WEIGHTS(change, 1, i % FRAGMENT_ROWS, c + i / FRAGMENT_ROWS)
      }
    }
    syncSubgroup();
    [[unroll]] for (uint s = 0; s < BLOCK_STEPS; s++) {
      ADD_VALUES(dValue, 0, SLOPES, s)
      ADD_VALUES(dKey, 1, QUERIES, s)
    }
  }
#define STORE_RESULT(r, c)                                                       \
  STORE_MATRIX(dKey[(r) * HEAD_COLUMNS + (c)], staged, ownStart(), FRAGMENT_LINE); \
  storeFragmentK(p.dk, at.keyBase, at.firstRow, p.keys, stride, r, c, false, p.scale); \
  STORE_MATRIX(dValue[(r) * HEAD_COLUMNS + (c)], staged, ownStart(), FRAGMENT_LINE); \
  storeFragmentK(p.dv, at.keyBase, at.firstRow, p.keys, stride, r, c, false, 1.0);
  STORE_RESULTS
}
