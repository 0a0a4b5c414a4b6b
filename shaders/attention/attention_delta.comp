// delta = rowsum(do * o) - dLogSumExp for each query and head.
// Shapes: o, do [N, T, heads D]; delta, dLogSumExp f32 [N, heads, T]. One row for each of an
// invocation's ROWS, lanes apart.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#include "attention/attention.glsl"

void main() {
  Place at = place(p.queries);
  if (!at.isPresent) return;
  uint64_t o = p.o, dO = p.dO;
  uint width = at.width;
  uint rowBase[ROWS];
  float sum[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    rowBase[r] = at.queryBase + min(laneRow(at, r), p.queries - 1) * at.rowStride;
    sum[r] = 0;
  }
  for (uint d = 0; d < width; d += 4) {
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      sum[r] += dot(loadQuadQ(o, rowBase[r] + d), loadQuadQ(dO, rowBase[r] + d));
    }
  }
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = laneRow(at, r);
    if (row < p.queries) {
      if (p.dLogSumExp != 0) sum[r] -= loadF32(p.dLogSumExp, at.statistic + row);
      storeF32(p.delta, at.statistic + row, sum[r]);
    }
  }
}
