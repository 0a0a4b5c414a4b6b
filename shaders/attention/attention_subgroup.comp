// o = softmax(q k^T / sqrt(D)) v for each head, and logSumExp, in one pass over the keys: after each
// block the sums so far are scaled by e^(old maximum - new maximum) (FlashAttention-2, arXiv
// 2307.08691, algorithm 1). Rows are queries; see attention_subgroup.glsl.
// Shapes: q, o [N, T, heads D]; k, v [N, S, heads D]; logSumExp f32 [N, heads, T].
// Meaning: Graph/Operations/Attention.swift
#version 460
#include "attention/attention_subgroup.glsl"

void main() {
  Place at = placeOfGroup(p.queries, ROWS);
  if (!at.isPresent) return;
  uint64_t q = p.q, k = p.k, v = p.v;
  uint keys = p.keys, queries = p.queries, stride = at.rowStride;
  float scale = p.scale;
  bool isCausal = p.isCausal != 0;
  vec2 x[ROWS][PAIRS];
  vec4 y[ROWS][QUADS];
  float largest[ROWS], denominator[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint base = at.queryBase + min(at.firstRow + r, queries - 1) * stride;
    [[unroll]] for (uint i = 0; i < PAIRS; i++) x[r][i] = loadPairQ(q, base + lanePair(i)) * scale;
    [[unroll]] for (uint i = 0; i < QUADS; i++) y[r][i] = vec4(0);
    largest[r] = -3.0e38;
    denominator[r] = 0;
  }
  uint end = isCausal ? min(min(at.firstRow + ROWS, queries), keys) : keys;
  for (uint first = 0; first < end; first += BLOCK) {
    uint keyBase[OTHERS];
    float score[ROWS][OTHERS];
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      keyBase[j] = at.keyBase + min(laneOther(first, j), keys - 1) * stride;
      [[unroll]] for (uint r = 0; r < ROWS; r++) score[r][j] = 0;
    }
    ADD_SCORES(score, x, loadQuadK, k, keyBase)
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      uint keyCount = isCausal ? min(at.firstRow + r + 1, keys) : keys;
      float most = -3.0e38;
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        most = max(most, laneOther(first, j) < keyCount ? score[r][j] : -3.0e38);
      }
      most = max(largest[r], laneMaximum(most));
      float factor = weight(largest[r] - most);
      float sum = 0;
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        float e = weight(score[r][j] - most);
        score[r][j] = laneOther(first, j) < keyCount ? e : 0.0;
        sum += score[r][j];
      }
      denominator[r] = denominator[r] * factor + sum;
      largest[r] = most;
      [[unroll]] for (uint i = 0; i < QUADS; i++) y[r][i] *= factor;
    }
    ADD_WEIGHTED(y, score, loadQuadK, v, first, keys, stride, at.keyBase)
  }
  uint64_t o = p.o;
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = at.firstRow + r;
    float sum = laneSum(denominator[r]);
    if (row < queries) {
      [[unroll]] for (uint i = 0; i < QUADS; i++) {
        storeQuadQ(o, at.queryBase + row * stride + laneQuad(i), y[r][i] / sum);
      }
      storeF32(p.logSumExp, at.statistic + row, largest[r] + logarithm(sum));
    }
  }
}
