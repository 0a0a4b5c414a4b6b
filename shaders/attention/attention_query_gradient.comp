// dq = ds k / sqrt(D) with p = e^(q k^T / sqrt(D) - logSumExp) and ds = p * (do v^T - delta). Rows are
// queries; see attention.glsl.
// Shapes: q, do, dq [N, T, heads D]; k, v [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#include "attention/attention.glsl"

void main() {
  Place at = place(p.queries);
  if (!at.isPresent) return;
  uint64_t q = p.q, k = p.k, v = p.v, dO = p.dO, sums = p.sums;
  uint lastKey = p.keys - 1, queries = p.queries, width = at.width, stride = at.rowStride;
  float scale = p.scale;
  uint rowBase[ROWS], keyCount[ROWS];
  float logSumExp[ROWS], delta[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = min(laneRow(at, r), queries - 1);
    rowBase[r] = at.queryBase + row * stride;
    keyCount[r] = p.isCausal != 0 ? min(row + 1, p.keys) : p.keys;
    logSumExp[r] = loadF32(p.logSumExp, at.statistic + row);
    delta[r] = loadF32(p.delta, at.statistic + row);
  }
  uint lastQuery = min(at.firstRow + gl_WorkGroupSize.x * ROWS, queries) - 1;
  uint end = p.isCausal != 0 ? min(lastQuery + 1, p.keys) : p.keys;
  for (uint first = 0; first < end; first += OTHERS) {
    uint keyBase[OTHERS];
    float score[ROWS][OTHERS], slope[ROWS][OTHERS];
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      keyBase[j] = at.keyBase + min(first + j, lastKey) * stride;
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        score[r][j] = 0;
        slope[r][j] = 0;
      }
    }
    for (uint d = 0; d < width; d += 4) {
      vec4 x[ROWS], dy[ROWS];
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        x[r] = loadQuadQ(q, rowBase[r] + d);
        dy[r] = loadQuadQ(dO, rowBase[r] + d);
      }
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        vec4 key = loadQuadK(k, keyBase[j] + d);
        vec4 value = loadQuadK(v, keyBase[j] + d);
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
          score[r][j] += dot(x[r], key);
          slope[r][j] += dot(dy[r], value);
        }
      }
    }
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        float ds = weight(score[r][j] * scale - logSumExp[r]) * (slope[r][j] - delta[r]) * scale;
        slope[r][j] = first + j < keyCount[r] ? ds : 0.0;
      }
    }
    for (uint d = 0; d < width; d += 4) {
      vec4 y[ROWS];
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        vec4 before = loadQuadSum(sums, rowBase[r] + d);
        y[r] = first == 0 ? vec4(0) : before;
      }
      [[unroll]] for (uint j = 0; j < OTHERS; j++) {
        vec4 w = loadQuadK(k, keyBase[j] + d);
        [[unroll]] for (uint r = 0; r < ROWS; r++) y[r] += slope[r][j] * w;
      }
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        if (laneRow(at, r) < queries) storeQuadSum(sums, rowBase[r] + d, y[r]);
      }
    }
  }
#if STORAGE_Q != 0
  uint64_t dq = p.dq;
  for (uint d = 0; d < width; d += 4) {
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      vec4 y = loadQuadSum(sums, rowBase[r] + d);
      if (laneRow(at, r) < queries) storeQuadQ(dq, rowBase[r] + d, y);
    }
  }
#endif
}
