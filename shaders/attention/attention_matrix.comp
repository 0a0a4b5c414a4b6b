// o = softmax(q k^T / sqrt(D)) v for each head, and logSumExp, in one pass over the keys, on matrix units;
// see attention_matrix.glsl. Rows are queries. Weights are e^(score - reference): a row's reference
// is its largest score when it was last renewed, and a subgroup renews its rows', and scales sums so far,
// when a score is above its reference by more than 8 (weights stay below 2981, far inside f16), which
// after the first blocks is rare.
// Shapes: q, o [N, T, heads D]; k, v [N, S, heads D]; logSumExp f32 [N, heads, T].
// One workgroup per block of queries, head and sample, in this order. No causal mask.
// Meaning: Graph/Operations/Attention.swift
// Source: FlashAttention-2, arXiv 2307.08691, algorithm 1.
#version 460
#define PLACES 1
#include "attention/attention_matrix.glsl"

const uint KEYS = 0;
const uint VALUES = 1;
const float MOST_GROWTH = 8.0;

MatrixA query[FRAGMENT_ROWS * HEAD_STEPS];
MatrixSum scores[BLOCK_COLUMNS * FRAGMENT_ROWS];
MatrixSum sums[FRAGMENT_ROWS * HEAD_COLUMNS];
// What scores begin with, minus their row's reference; sums of weights, still over several columns.
MatrixSum start[FRAGMENT_ROWS], totals[FRAGMENT_ROWS];
// The references of this lane's rows, in units of q k^T.
const uint LANE_ROWS = (ROWS + SUBGROUP - 1) / SUBGROUP;
float reference[LANE_ROWS];

// f32 of fragments on their way to the lane that owns a row.
#define STORE_FRAGMENTS(fragments)                                               \
  syncSubgroup();                                                                \
  [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                       \
    STORE_MATRIX(fragments[r_], staged, ownStart() + r_ * MATRIX_M * FRAGMENT_LINE, FRAGMENT_LINE); \
  }                                                                              \
  syncSubgroup();
vec4 fragmentQuad(uint row, uint quad) {
  return uintBitsToFloat(staged[ownStart() + row * FRAGMENT_LINE + quad]);
}

// Raises references to the largest scores.
void renew(float scale, bool isFirst) {
  MatrixSum most[FRAGMENT_ROWS];
  [[unroll]] for (uint r = 0; r < FRAGMENT_ROWS; r++) {
    MatrixSum largest = scores[r];
    [[unroll]] for (uint c = 1; c < BLOCK_COLUMNS; c++) {
      MatrixSum other = scores[c * FRAGMENT_ROWS + r];
      EACH_ELEMENT(e, largest) ELEMENT(largest, e) = max(ELEMENT(largest, e), ELEMENT(other, e));
    }
    most[r] = largest;
  }
  STORE_FRAGMENTS(most)
  [[unroll]] for (uint i = 0; i < LANE_ROWS; i++) {
    uint row = matrixLane() + i * SUBGROUP;
    if (row < ROWS) {
      vec4 largest = fragmentQuad(row, 0);
      [[unroll]] for (uint q = 1; q < MATRIX_N / 4; q++) largest = max(largest, fragmentQuad(row, q));
      float growth = max(max(largest.x, largest.y), max(largest.z, largest.w));
      if (!isFirst) growth = max(growth, 0.0);
      reference[i] += growth;
      setRowValue(row, growth);
    }
  }
  syncSubgroup();
  MatrixSum growth[FRAGMENT_ROWS];
  LOAD_ROW_VALUES(growth)
  [[unroll]] for (uint r = 0; r < FRAGMENT_ROWS; r++) {
    SUBTRACT_ELEMENTS(start[r], growth[r])
    [[unroll]] for (uint c = 0; c < BLOCK_COLUMNS; c++) {
      SUBTRACT_ELEMENTS(scores[c * FRAGMENT_ROWS + r], growth[r])
    }
    MatrixSum factors = growth[r];
    EACH_ELEMENT(e, factors) ELEMENT(factors, e) = exp2(-scale * max(ELEMENT(factors, e), 0.0));
    SCALE_BY(totals[r], factors)
    [[unroll]] for (uint c = 0; c < HEAD_COLUMNS; c++) {
      SCALE_BY(sums[r * HEAD_COLUMNS + c], factors)
    }
  }
  syncSubgroup();
}

void main() {
  Place at = placeOfGroup(p.queries, BLOCK_ROWS);
  if (!at.isPresent) return;
  uint stride = at.rowStride;
  float scale = p.scale * LOG2_E;
  STAGE_ROWS(0, Q, p.q, at.queryBase, at.firstRow, p.queries, stride)
  FETCH_LINES(KEYS, K, p.k, at.keyBase, 0, p.keys, stride)
  FETCH_LINES(VALUES, K, p.v, at.keyBase, 0, p.keys, stride)
  LOAD_ROWS(0, query)
  CLEAR_SUMS(sums)
  [[unroll]] for (uint r = 0; r < FRAGMENT_ROWS; r++) {
    start[r] = zeroMatrix();
    totals[r] = zeroMatrix();
  }
  [[unroll]] for (uint i = 0; i < LANE_ROWS; i++) reference[i] = 0;
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
    [[unroll]] for (uint c = 0; c < BLOCK_COLUMNS; c++) {
      [[unroll]] for (uint r = 0; r < FRAGMENT_ROWS; r++) scores[c * FRAGMENT_ROWS + r] = start[r];
    }
    ADD_SCORES(scores, query, KEYS, 0, BLOCK_COLUMNS)
    if (isPartial) ADD_MASK(scores, 0, BLOCK_COLUMNS)
    float most = -3.0e38;
    [[unroll]] for (uint c = 0; c < BLOCK_COLUMNS; c++) {
      [[unroll]] for (uint r = 0; r < FRAGMENT_ROWS; r++) {
        MatrixSum found = scores[c * FRAGMENT_ROWS + r];
        EACH_ELEMENT(e, found) most = max(most, ELEMENT(found, e));
      }
    }
    if (isAny(first == 0 || most * p.scale > MOST_GROWTH)) renew(scale, first == 0);
    [[unroll]] for (uint c = 0; c < BLOCK_COLUMNS; c++) {
      [[unroll]] for (uint r = 0; r < FRAGMENT_ROWS; r++) {
        MatrixSum weights = scores[c * FRAGMENT_ROWS + r];
        EACH_ELEMENT(e, weights) ELEMENT(weights, e) = exp2(ELEMENT(weights, e) * scale);
        ADD_ELEMENTS(totals[r], weights)
        STORE_WEIGHTS(weights, 0, r, c)
      }
    }
    syncSubgroup();
    [[unroll]] for (uint s = 0; s < BLOCK_STEPS; s++) ADD_VALUES(sums, 0, VALUES, s)
  }
  STORE_FRAGMENTS(totals)
  [[unroll]] for (uint i = 0; i < LANE_ROWS; i++) {
    uint local = matrixLane() + i * SUBGROUP;
    if (local < ROWS) {
      vec4 parts = fragmentQuad(local, 0);
      [[unroll]] for (uint q = 1; q < MATRIX_N / 4; q++) parts += fragmentQuad(local, q);
      float total = (parts.x + parts.y) + (parts.z + parts.w);
      setRowValue(local, 1.0 / total);
      uint row = at.firstRow + matrixSubgroup() * ROWS + local;
      if (row < p.queries) {
        storeF32(p.logSumExp, at.statistic + row, reference[i] * p.scale + logarithm(total));
      }
    }
  }
#define STORE_RESULT(r, c)                                                       \
  STORE_MATRIX(sums[(r) * HEAD_COLUMNS + (c)], staged, ownStart(), FRAGMENT_LINE); \
  storeFragmentQ(p.o, at.queryBase, at.firstRow, p.queries, stride, r, c, true, 1.0);
  STORE_RESULTS
}
