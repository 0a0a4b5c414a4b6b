// o = softmax(q k^T / sqrt(D)) v for each head, and logSumExp, in one pass over the keys: after each
// block the sums so far are scaled by e^(old maximum - new maximum) (FlashAttention-2, arXiv
// 2307.08691, algorithm 1). Rows are queries; see attention_shared.glsl.
// Shapes: q, o [N, T, heads D]; k, v [N, S, heads D]; logSumExp f32 [N, heads, T].
// One workgroup per block of queries, head and sample, in this order.
// Meaning: Graph/Operations/Attention.swift
#version 460
#include "attention/attention_shared.glsl"

shared QuadQ queryLines[BLOCK_ROWS * HEAD_LINE];
shared QuadK keyLines[BLOCK * HEAD_LINE];
shared QuadK valueLines[BLOCK * HEAD_LINE];
shared vec4 weights[BLOCK_ROWS * WEIGHT_LINE];
// The largest score of a row in each of its lanes, later their sums of weights.
shared float laneResults[BLOCK_ROWS * (LANES + 1)];

float largestInRow(uint row) {
  float most = laneResults[row * (LANES + 1)];
  [[unroll]] for (uint i = 1; i < LANES; i++) most = max(most, laneResults[row * (LANES + 1) + i]);
  return most;
}
float sumOfRow(uint row) {
  float sum = 0;
  [[unroll]] for (uint i = 0; i < LANES; i++) sum += laneResults[row * (LANES + 1) + i];
  return sum;
}

void main() {
  Place at = placeOfGroup(p.queries, BLOCK_ROWS);
  if (!at.isPresent) return;
  uint stride = at.rowStride;
  bool isCausal = p.isCausal != 0;
  STAGE_LINES(queryLines, Q, p.q, at.queryBase, at.firstRow, p.queries, BLOCK_ROWS, stride)
  vec4 sums[ROWS][QUADS];
  // The denominator is of the invocation's own scores until the end.
  float largest[ROWS], denominator[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    [[unroll]] for (uint i = 0; i < QUADS; i++) sums[r][i] = vec4(0);
    largest[r] = -3.0e38;
    denominator[r] = 0;
  }
  uint end = isCausal ? min(min(at.firstRow + BLOCK_ROWS, p.queries), p.keys) : p.keys;
  for (uint first = 0; first < end; first += BLOCK) {
    barrier();
    STAGE_LINES(keyLines, K, p.k, at.keyBase, first, p.keys, BLOCK, stride)
    STAGE_LINES(valueLines, K, p.v, at.keyBase, first, p.keys, BLOCK, stride)
    barrier();
    float score[ROWS][OTHERS];
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      [[unroll]] for (uint j = 0; j < OTHERS; j++) score[r][j] = 0;
    }
    ADD_STAGED_SCORES(score, queryLines, Q, keyLines, K)
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      uint count = isCausal ? min(at.firstRow + firstRow() + r + 1, p.keys) : p.keys;
      float most = -3.0e38;
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        bool isSeen = first + LANES * j + lane() < count;
        score[r][j] = isSeen ? score[r][j] * p.scale : -3.0e38;
        most = max(most, score[r][j]);
      }
      laneResults[(firstRow() + r) * (LANES + 1) + lane()] = most;
    }
    barrier();
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      uint count = isCausal ? min(at.firstRow + firstRow() + r + 1, p.keys) : p.keys;
      float most = max(largest[r], largestInRow(firstRow() + r));
      float factor = first == 0 ? 0.0 : weight(largest[r] - most);
      float sum = 0;
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        uint key = LANES * j + lane();
        float e = first + key < count ? weight(score[r][j] - most) : 0.0;
        sum += e;
        weights[(firstRow() + r) * WEIGHT_LINE + key / 4][key % 4] = e;
      }
      denominator[r] = denominator[r] * factor + sum;
      largest[r] = most;
      [[unroll]] for (uint i = 0; i < QUADS; i++) sums[r][i] *= factor;
    }
    barrier();
    ADD_STAGED_VALUES(sums, weights, valueLines, K)
  }
  barrier();
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    laneResults[(firstRow() + r) * (LANES + 1) + lane()] = denominator[r];
  }
  barrier();
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = at.firstRow + firstRow() + r;
    float total = sumOfRow(firstRow() + r);
    if (row < p.queries) {
      if (lane() == 0) storeF32(p.logSumExp, at.statistic + row, largest[r] + logarithm(total));
      [[unroll]] for (uint i = 0; i < QUADS; i++) {
        uint place = at.queryBase + row * stride + 4 * (LANES * i + lane());
        storeQuadQ(p.o, place, sums[r][i] / total);
      }
    }
  }
}
