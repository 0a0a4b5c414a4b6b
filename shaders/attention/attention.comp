// o = softmax(q k^T / sqrt(D)) v for each head, and logSumExp, in one pass over the keys: after each
// block the sums so far are scaled by e^(old maximum - new maximum) (FlashAttention-2, arXiv
// 2307.08691, algorithm 1). Rows are queries; see attention.glsl.
// Shapes: q, o [N, T, heads D]; k, v [N, S, heads D]; logSumExp f32 [N, heads, T].
// Meaning: Graph/Operations/Attention.swift
#version 460
#include "attention/attention.glsl"

void main() {
  Place at = place(p.queries);
  if (!at.isPresent) return;
  uint64_t q = p.q, k = p.k, v = p.v, sums = p.sums;
  uint lastKey = p.keys - 1, queries = p.queries, width = at.width, stride = at.rowStride;
  float scale = p.scale;
  uint rowBase[ROWS], keyCount[ROWS];
  float largest[ROWS], denominator[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = min(laneRow(at, r), queries - 1);
    rowBase[r] = at.queryBase + row * stride;
    keyCount[r] = p.isCausal != 0 ? min(row + 1, p.keys) : p.keys;
    largest[r] = -3.0e38;
    denominator[r] = 0;
  }
  uint lastQuery = min(at.firstRow + gl_WorkGroupSize.x * ROWS, queries) - 1;
  uint end = p.isCausal != 0 ? min(lastQuery + 1, p.keys) : p.keys;
  for (uint first = 0; first < end; first += OTHERS) {
    uint keyBase[OTHERS];
    float score[ROWS][OTHERS];
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      keyBase[j] = at.keyBase + min(first + j, lastKey) * stride;
      [[unroll]] for (uint r = 0; r < ROWS; r++) score[r][j] = 0;
    }
    for (uint d = 0; d < width; d += 4) {
      vec4 x[ROWS];
      [[unroll]] for (uint r = 0; r < ROWS; r++) x[r] = loadQuadQ(q, rowBase[r] + d);
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        vec4 w = loadQuadK(k, keyBase[j] + d);
        [[unroll]] for (uint r = 0; r < ROWS; r++) score[r][j] += dot(x[r], w);
      }
    }
    float factor[ROWS];
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      float most = largest[r];
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        score[r][j] *= scale;
        most = max(most, first + j < keyCount[r] ? score[r][j] : most);
      }
      factor[r] = first == 0 ? 0.0 : weight(largest[r] - most);
      float sum = 0;
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        float e = weight(score[r][j] - most);
        score[r][j] = first + j < keyCount[r] ? e : 0.0;
        sum += score[r][j];
      }
      denominator[r] = denominator[r] * factor[r] + sum;
      largest[r] = most;
    }
    for (uint d = 0; d < width; d += 4) {
      vec4 y[ROWS];
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        vec4 before = loadQuadSum(sums, rowBase[r] + d);
        y[r] = first == 0 ? vec4(0) : before * factor[r];
      }
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        vec4 w = loadQuadK(v, keyBase[j] + d);
        [[unroll]] for (uint r = 0; r < ROWS; r++) y[r] += score[r][j] * w;
      }
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        if (laneRow(at, r) < queries) storeQuadSum(sums, rowBase[r] + d, y[r]);
      }
    }
  }
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = laneRow(at, r);
    if (row < queries) {
      storeF32(p.logSumExp, at.statistic + row, largest[r] + logarithm(denominator[r]));
    }
  }
  uint64_t o = p.o;
  for (uint d = 0; d < width; d += 4) {
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      vec4 y = loadQuadSum(sums, rowBase[r] + d) / denominator[r];
      if (laneRow(at, r) < queries) storeQuadQ(o, rowBase[r] + d, y);
    }
  }
}
