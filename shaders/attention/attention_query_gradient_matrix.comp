// dq = ds k / sqrt(D) with p = e^(q k^T / sqrt(D) - logSumExp) and ds = p * (do v^T - delta), on matrix
// units. Rows are queries; see attention_matrix.glsl.
// Shapes: q, do, dq [N, T, heads D]; k, v [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// One workgroup per block of queries, head and sample, in this order.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#define STAGED_LINES (32 * SUBGROUPS + 2 * BLOCK)
#define SCORE_PLACES 2
#include "attention/attention_matrix.glsl"

const uint QUERIES = 0;
const uint SLOPES = BLOCK_ROWS;
const uint KEYS = 2 * BLOCK_ROWS;
const uint VALUES = 2 * BLOCK_ROWS + BLOCK;

void main() {
  Place at = placeOfGroup(p.queries, BLOCK_ROWS);
  if (!at.isPresent) return;
  uint stride = at.rowStride;
  uint scores = scorePlace(0), slopes = scorePlace(1);
  bool isCausal = p.isCausal != 0;
  STAGE_LINES(QUERIES, Q, p.q, at.queryBase, at.firstRow, p.queries, BLOCK_ROWS, stride)
  STAGE_LINES(SLOPES, Q, p.dO, at.queryBase, at.firstRow, p.queries, BLOCK_ROWS, stride)
  barrier();
  MatrixA query[FRAGMENT_ROWS * HEAD_STEPS], slope[FRAGMENT_ROWS * HEAD_STEPS];
  LOAD_ROWS(query, QUERIES)
  LOAD_ROWS(slope, SLOPES)
  MatrixSum sums[FRAGMENT_ROWS * HEAD_COLUMNS];
  CLEAR_SUMS(sums)
  float logSumExp[OWN_ROWS], delta[OWN_ROWS], factor[OWN_ROWS];
  [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
    uint statistic = at.statistic + min(at.firstRow + blockRow(r), p.queries - 1);
    logSumExp[r] = loadF32(p.logSumExp, statistic);
    delta[r] = loadF32(p.delta, statistic);
    factor[r] = p.scale;
  }
  uint end = isCausal ? min(min(at.firstRow + BLOCK_ROWS, p.queries), p.keys) : p.keys;
  for (uint first = 0; first < end; first += BLOCK) {
    barrier();
    STAGE_LINES(KEYS, K, p.k, at.keyBase, first, p.keys, BLOCK, stride)
    STAGE_LINES(VALUES, K, p.v, at.keyBase, first, p.keys, BLOCK, stride)
    barrier();
    STORE_SCORES(query, KEYS, scores)
    STORE_SCORES(slope, VALUES, slopes)
    barrier();
    vec4 ds[OWN_ROWS][OWN_QUADS];
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
      uint count = isCausal ? min(at.firstRow + blockRow(r) + 1, p.keys) : p.keys;
      [[unroll]] for (uint i = 0; i < OWN_QUADS; i++) {
        vec4 score = scoreQuad(scores, r, i) * p.scale - logSumExp[r];
        vec4 change = scoreQuad(slopes, r, i) - delta[r];
        [[unroll]] for (uint j = 0; j < 4; j++) {
          bool isSeen = first + 4 * ownQuad(i) + j < count;
          ds[r][i][j] = isSeen ? weight(score[j]) * change[j] : 0.0;
        }
      }
    }
    barrier();  // the scores have been read
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
      [[unroll]] for (uint i = 0; i < OWN_QUADS; i++) storeWeightQuad(scores, r, i, ds[r][i]);
    }
    barrier();
    ADD_VALUES(sums, scores, KEYS)
  }
  STORE_ROWS(sums, factor, Q, p.dq, at.queryBase, at.firstRow, p.queries, stride, scores)
}
