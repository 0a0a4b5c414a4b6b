// dk = ds^T q / sqrt(D) and dv = p^T do with p = e^(q k^T / sqrt(D) - logSumExp) and
// ds = p * (do v^T - delta). Rows are keys, blocks of queries are walked; see attention.glsl.
// Shapes: q, do [N, T, heads D]; k, v, dk, dv [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#include "attention/attention.glsl"

void main() {
  Place at = place(p.keys);
  if (!at.isPresent) return;
  uint64_t q = p.q, k = p.k, v = p.v, dO = p.dO, keySums = p.sums, valueSums = p.sums2;
  uint64_t logSumExps = p.logSumExp, deltas = p.delta;
  uint keys = p.keys, queries = p.queries, width = at.width, stride = at.rowStride;
  float scale = p.scale;
  uint rowBase[ROWS], firstQuery[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = min(laneRow(at, r), keys - 1);
    rowBase[r] = at.keyBase + row * stride;
    firstQuery[r] = p.isCausal != 0 ? row : 0;
  }
  // At least one block runs, so that keys that no query sees get zeros.
  uint start = p.isCausal != 0 ? min(at.firstRow, queries - 1) / OTHERS * OTHERS : 0;
  for (uint first = start; first < queries; first += OTHERS) {
    uint queryBase[OTHERS];
    float score[ROWS][OTHERS], slope[ROWS][OTHERS];
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      queryBase[j] = at.queryBase + min(first + j, queries - 1) * stride;
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        score[r][j] = 0;
        slope[r][j] = 0;
      }
    }
    for (uint d = 0; d < width; d += 4) {
      vec4 key[ROWS], value[ROWS];
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        key[r] = loadQuadK(k, rowBase[r] + d);
        value[r] = loadQuadK(v, rowBase[r] + d);
      }
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        vec4 x = loadQuadQ(q, queryBase[j] + d);
        vec4 dy = loadQuadQ(dO, queryBase[j] + d);
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
          score[r][j] += dot(key[r], x);
          slope[r][j] += dot(value[r], dy);
        }
      }
    }
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      uint query = min(first + j, queries - 1);
      float logSumExp = loadF32(logSumExps, at.statistic + query);
      float delta = loadF32(deltas, at.statistic + query);
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        bool isSeen = first + j < queries && first + j >= firstQuery[r];
        float w = weight(score[r][j] * scale - logSumExp);
        score[r][j] = isSeen ? w : 0.0;
        slope[r][j] = isSeen ? w * (slope[r][j] - delta) * scale : 0.0;
      }
    }
    for (uint d = 0; d < width; d += 4) {
      vec4 dk[ROWS], dv[ROWS];
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        vec4 keyBefore = loadQuadSum(keySums, rowBase[r] + d);
        vec4 valueBefore = loadQuadSum(valueSums, rowBase[r] + d);
        dk[r] = first == start ? vec4(0) : keyBefore;
        dv[r] = first == start ? vec4(0) : valueBefore;
      }
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        vec4 x = loadQuadQ(q, queryBase[j] + d);
        vec4 dy = loadQuadQ(dO, queryBase[j] + d);
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
          dk[r] += slope[r][j] * x;
          dv[r] += score[r][j] * dy;
        }
      }
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        if (laneRow(at, r) < keys) {
          storeQuadSum(keySums, rowBase[r] + d, dk[r]);
          storeQuadSum(valueSums, rowBase[r] + d, dv[r]);
        }
      }
    }
  }
#if STORAGE_K != 0
  uint64_t dk = p.dk, dv = p.dv;
  for (uint d = 0; d < width; d += 4) {
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      vec4 keySum = loadQuadSum(keySums, rowBase[r] + d);
      vec4 valueSum = loadQuadSum(valueSums, rowBase[r] + d);
      if (laneRow(at, r) < keys) {
        storeQuadK(dk, rowBase[r] + d, keySum);
        storeQuadK(dv, rowBase[r] + d, valueSum);
      }
    }
  }
#endif
}
