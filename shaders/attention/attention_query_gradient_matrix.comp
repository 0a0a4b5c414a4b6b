// dq = ds k / sqrt(D) with p = e^(q k^T / sqrt(D) - logSumExp) and ds = p * (do v^T - delta), on matrix
// units. Rows are queries; see attention_matrix.glsl.
// Shapes: q, do, dq [N, T, heads D]; k, v [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// One workgroup per block of queries, head and sample, in this order. No causal mask.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#define PLACES 1
#include "attention/attention_matrix.glsl"

const uint KEYS = 0;
const uint VALUES = 1;

// A statistic of this subgroup's rows times a factor, as fragments.
#define LOAD_STATISTIC(fragments, address, factor)                                       \
  syncSubgroup();                                                                        \
  for (uint row_ = matrixLane(); row_ < ROWS; row_ += SUBGROUP) {                        \
    uint at_ = min(at.firstRow + matrixSubgroup() * ROWS + row_, p.queries - 1);         \
    setRowValue(row_, loadF32(address, at.statistic + at_) * (factor));                  \
  }                                                                                      \
  syncSubgroup();                                                                        \
  LOAD_ROW_VALUES(fragments)

void main() {
  Place at = placeOfGroup(p.queries, BLOCK_ROWS);
  if (!at.isPresent) return;
  uint stride = at.rowStride;
  float scale = p.scale * LOG2_E;
  MatrixA query[FRAGMENT_ROWS * HEAD_STEPS], slope[FRAGMENT_ROWS * HEAD_STEPS];
  STAGE_ROWS(0, Q, p.q, at.queryBase, at.firstRow, p.queries, stride)
  LOAD_ROWS(0, query)
  STAGE_ROWS(1, Q, p.dO, at.queryBase, at.firstRow, p.queries, stride)
  LOAD_ROWS(1, slope)
  FETCH_LINES(KEYS, K, p.k, at.keyBase, 0, p.keys, stride)
  FETCH_LINES(VALUES, K, p.v, at.keyBase, 0, p.keys, stride)
  MatrixSum sums[FRAGMENT_ROWS * HEAD_COLUMNS];
  CLEAR_SUMS(sums)
  MatrixSum scoreStart[FRAGMENT_ROWS], slopeStart[FRAGMENT_ROWS];
  LOAD_STATISTIC(scoreStart, p.logSumExp, -1.0 / p.scale)
  LOAD_STATISTIC(slopeStart, p.delta, -1.0)
  for (uint first = 0; first < p.keys; first += BLOCK) {
    uint left = p.keys - first;
    barrier();
    stageLines(KEYS, left);
    stageLines(VALUES, left);
    bool isPartial = left < BLOCK;
    if (isPartial) setMask(left);
    barrier();
    if (left > BLOCK) {
      FETCH_LINES(KEYS, K, p.k, at.keyBase, first + BLOCK, p.keys, stride)
      FETCH_LINES(VALUES, K, p.v, at.keyBase, first + BLOCK, p.keys, stride)
    }
    [[unroll]] for (uint c = 0; c < BLOCK_COLUMNS; c += 2) {
      MatrixSum scores[2 * FRAGMENT_ROWS], slopes[2 * FRAGMENT_ROWS];
      [[unroll]] for (uint i = 0; i < 2 * FRAGMENT_ROWS; i++) {
        scores[i] = scoreStart[i % FRAGMENT_ROWS];
        slopes[i] = slopeStart[i % FRAGMENT_ROWS];
      }
      ADD_SCORES(scores, query, KEYS, c, 2)
      ADD_SCORES(slopes, slope, VALUES, c, 2)
      if (isPartial) ADD_MASK(scores, c, 2)
      [[unroll]] for (uint i = 0; i < 2 * FRAGMENT_ROWS; i++) {
        MatrixSum weights = scores[i];
        EACH_ELEMENT(e, weights) ELEMENT(weights, e) = exp2(ELEMENT(weights, e) * scale);
        SCALE_BY(weights, slopes[i])
        STORE_WEIGHTS(weights, 0, i % FRAGMENT_ROWS, c + i / FRAGMENT_ROWS)
      }
    }
    syncSubgroup();
    [[unroll]] for (uint s = 0; s < BLOCK_STEPS; s++) ADD_VALUES(sums, 0, KEYS, s)
  }
#define STORE_RESULT(r, c)                                                       \
  STORE_MATRIX(sums[(r) * HEAD_COLUMNS + (c)], staged, ownStart(), FRAGMENT_LINE); \
  storeFragmentQ(p.dq, at.queryBase, at.firstRow, p.queries, stride, r, c, false, p.scale);
  STORE_RESULTS
}
