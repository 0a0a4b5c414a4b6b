// dk = ds^T q / sqrt(D) and dv = p^T do with p = e^(q k^T / sqrt(D) - logSumExp) and
// ds = p * (do v^T - delta). Rows are keys, blocks of queries are walked; see attention_shared.glsl.
// Shapes: q, do [N, T, heads D]; k, v, dk, dv [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// One workgroup per block of keys, head and sample, in this order.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#include "attention/attention_shared.glsl"

shared QuadK keyLines[BLOCK_ROWS * HEAD_LINE];
shared QuadK valueLines[BLOCK_ROWS * HEAD_LINE];
shared QuadQ queryLines[BLOCK * HEAD_LINE];
shared QuadQ slopeLines[BLOCK * HEAD_LINE];
// p for dv, then ds for dk.
shared vec4 weights[BLOCK_ROWS * WEIGHT_LINE];

void storeWeights(float values[ROWS][OTHERS]) {
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      uint query = LANES * j + lane();
      weights[(firstRow() + r) * WEIGHT_LINE + query / 4][query % 4] = values[r][j];
    }
  }
}

void main() {
  Place at = placeOfGroup(p.keys, BLOCK_ROWS);
  if (!at.isPresent) return;
  uint stride = at.rowStride;
  bool isCausal = p.isCausal != 0;
  STAGE_LINES(keyLines, K, p.k, at.keyBase, at.firstRow, p.keys, BLOCK_ROWS, stride)
  STAGE_LINES(valueLines, K, p.v, at.keyBase, at.firstRow, p.keys, BLOCK_ROWS, stride)
  vec4 dKey[ROWS][QUADS], dValue[ROWS][QUADS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    [[unroll]] for (uint i = 0; i < QUADS; i++) {
      dKey[r][i] = vec4(0);
      dValue[r][i] = vec4(0);
    }
  }
  uint start = isCausal ? at.firstRow / BLOCK * BLOCK : 0;
  for (uint first = start; first < p.queries; first += BLOCK) {
    barrier();
    STAGE_LINES(queryLines, Q, p.q, at.queryBase, first, p.queries, BLOCK, stride)
    STAGE_LINES(slopeLines, Q, p.dO, at.queryBase, first, p.queries, BLOCK, stride)
    barrier();
    float score[ROWS][OTHERS], slope[ROWS][OTHERS];
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        score[r][j] = 0;
        slope[r][j] = 0;
      }
    }
    ADD_STAGED_SCORES(score, keyLines, K, queryLines, Q)
    ADD_STAGED_SCORES(slope, valueLines, K, slopeLines, Q)
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      uint query = first + LANES * j + lane();
      uint statistic = at.statistic + min(query, p.queries - 1);
      float logSumExp = loadF32(p.logSumExp, statistic), delta = loadF32(p.delta, statistic);
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        uint row = at.firstRow + firstRow() + r;
        bool isSeen = query < p.queries && (!isCausal || row <= query);
        float w = isSeen ? weight(score[r][j] * p.scale - logSumExp) : 0.0;
        score[r][j] = w;
        slope[r][j] = w * (slope[r][j] - delta);
      }
    }
    storeWeights(score);
    barrier();
    ADD_STAGED_VALUES(dValue, weights, slopeLines, Q)
    barrier();
    storeWeights(slope);
    barrier();
    ADD_STAGED_VALUES(dKey, weights, queryLines, Q)
  }
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = at.firstRow + firstRow() + r;
    if (row < p.keys) {
      [[unroll]] for (uint i = 0; i < QUADS; i++) {
        uint place = at.keyBase + row * stride + 4 * (LANES * i + lane());
        storeQuadK(p.dk, place, dKey[r][i] * p.scale);
        storeQuadK(p.dv, place, dValue[r][i]);
      }
    }
  }
}
