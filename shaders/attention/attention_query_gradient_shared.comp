// dq = ds k / sqrt(D) with p = e^(q k^T / sqrt(D) - logSumExp) and ds = p * (do v^T - delta). Rows are
// queries; see attention_shared.glsl.
// Shapes: q, do, dq [N, T, heads D]; k, v [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// One workgroup per block of queries, head and sample, in this order.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#include "attention/attention_shared.glsl"

shared QuadQ queryLines[BLOCK_ROWS * HEAD_LINE];
shared QuadQ slopeLines[BLOCK_ROWS * HEAD_LINE];
shared QuadK keyLines[BLOCK * HEAD_LINE];
shared QuadK valueLines[BLOCK * HEAD_LINE];
shared vec4 weights[BLOCK_ROWS * WEIGHT_LINE];

void main() {
  Place at = placeOfGroup(p.queries, BLOCK_ROWS);
  if (!at.isPresent) return;
  uint stride = at.rowStride;
  bool isCausal = p.isCausal != 0;
  STAGE_LINES(queryLines, Q, p.q, at.queryBase, at.firstRow, p.queries, BLOCK_ROWS, stride)
  STAGE_LINES(slopeLines, Q, p.dO, at.queryBase, at.firstRow, p.queries, BLOCK_ROWS, stride)
  vec4 sums[ROWS][QUADS];
  float logSumExp[ROWS], delta[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    [[unroll]] for (uint i = 0; i < QUADS; i++) sums[r][i] = vec4(0);
    uint statistic = at.statistic + min(at.firstRow + firstRow() + r, p.queries - 1);
    logSumExp[r] = loadF32(p.logSumExp, statistic);
    delta[r] = loadF32(p.delta, statistic);
  }
  uint end = isCausal ? min(min(at.firstRow + BLOCK_ROWS, p.queries), p.keys) : p.keys;
  for (uint first = 0; first < end; first += BLOCK) {
    barrier();
    STAGE_LINES(keyLines, K, p.k, at.keyBase, first, p.keys, BLOCK, stride)
    STAGE_LINES(valueLines, K, p.v, at.keyBase, first, p.keys, BLOCK, stride)
    barrier();
    float score[ROWS][OTHERS], slope[ROWS][OTHERS];
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        score[r][j] = 0;
        slope[r][j] = 0;
      }
    }
    ADD_STAGED_SCORES(score, queryLines, Q, keyLines, K)
    ADD_STAGED_SCORES(slope, slopeLines, Q, valueLines, K)
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      uint count = isCausal ? min(at.firstRow + firstRow() + r + 1, p.keys) : p.keys;
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        uint key = LANES * j + lane();
        float w = weight(score[r][j] * p.scale - logSumExp[r]) * (slope[r][j] - delta[r]);
        weights[(firstRow() + r) * WEIGHT_LINE + key / 4][key % 4] = first + key < count ? w : 0.0;
      }
    }
    barrier();
    ADD_STAGED_VALUES(sums, weights, keyLines, K)
  }
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = at.firstRow + firstRow() + r;
    if (row < p.queries) {
      [[unroll]] for (uint i = 0; i < QUADS; i++) {
        uint place = at.queryBase + row * stride + 4 * (LANES * i + lane());
        storeQuadQ(p.dq, place, sums[r][i] * p.scale);
      }
    }
  }
}
