// dq = ds k / sqrt(D) with p = e^(q k^T / sqrt(D) - logSumExp) and ds = p * (do v^T - delta). Rows are
// queries, blocks of keys are walked; see attention_subgroup.glsl.
// Shapes: q, do, dq [N, T, heads D]; k, v [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#include "attention/attention_subgroup.glsl"

void main() {
  Place at = placeOfGroup(p.queries, ROWS);
  if (!at.isPresent) return;
  uint64_t q = p.q, k = p.k, v = p.v, dO = p.dO;
  uint keys = p.keys, queries = p.queries, stride = at.rowStride;
  bool isCausal = p.isCausal != 0;
  vec2 x[ROWS][PAIRS], dy[ROWS][PAIRS];
  vec4 dx[ROWS][QUADS];
  float logSumExp[ROWS], delta[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = min(at.firstRow + r, queries - 1);
    uint base = at.queryBase + row * stride;
    [[unroll]] for (uint i = 0; i < PAIRS; i++) {
      x[r][i] = loadPairQ(q, base + lanePair(i)) * p.scale;
      dy[r][i] = loadPairQ(dO, base + lanePair(i));
    }
    [[unroll]] for (uint i = 0; i < QUADS; i++) dx[r][i] = vec4(0);
    logSumExp[r] = loadF32(p.logSumExp, at.statistic + row);
    delta[r] = loadF32(p.delta, at.statistic + row);
  }
  uint end = isCausal ? min(min(at.firstRow + ROWS, queries), keys) : keys;
  for (uint first = 0; first < end; first += BLOCK) {
    uint keyBase[OTHERS];
    float score[ROWS][OTHERS], slope[ROWS][OTHERS];
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      keyBase[j] = at.keyBase + min(laneOther(first, j), keys - 1) * stride;
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        score[r][j] = 0;
        slope[r][j] = 0;
      }
    }
    ADD_SCORES(score, x, loadQuadK, k, keyBase)
    ADD_SCORES(slope, dy, loadQuadK, v, keyBase)
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      uint keyCount = isCausal ? min(at.firstRow + r + 1, keys) : keys;
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        float ds = weight(score[r][j] - logSumExp[r]) * (slope[r][j] - delta[r]);
        score[r][j] = laneOther(first, j) < keyCount ? ds : 0.0;
      }
    }
    ADD_WEIGHTED(dx, score, loadQuadK, k, first, keys, stride, at.keyBase)
  }
  uint64_t dq = p.dq;
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = at.firstRow + r;
    if (row < queries) {
      [[unroll]] for (uint i = 0; i < QUADS; i++) {
        storeQuadQ(dq, at.queryBase + row * stride + laneQuad(i), dx[r][i] * p.scale);
      }
    }
  }
}
