// dk = ds^T q / sqrt(D) and dv = p^T do with p = e^(q k^T / sqrt(D) - logSumExp) and
// ds = p * (do v^T - delta). Rows are keys, blocks of queries are walked; see attention_subgroup.glsl.
// Shapes: q, do [N, T, heads D]; k, v, dk, dv [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#include "attention/attention_subgroup.glsl"

void main() {
  Place at = placeOfGroup(p.keys, ROWS);
  if (!at.isPresent) return;
  uint64_t q = p.q, k = p.k, v = p.v, dO = p.dO;
  uint64_t logSumExps = p.logSumExp, deltas = p.delta;
  uint keys = p.keys, queries = p.queries, stride = at.rowStride;
  bool isCausal = p.isCausal != 0;
  vec2 key[ROWS][PAIRS], value[ROWS][PAIRS];
  vec4 dKey[ROWS][QUADS], dValue[ROWS][QUADS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint base = at.keyBase + min(at.firstRow + r, keys - 1) * stride;
    [[unroll]] for (uint i = 0; i < PAIRS; i++) {
      key[r][i] = loadPairK(k, base + lanePair(i)) * p.scale;
      value[r][i] = loadPairK(v, base + lanePair(i));
    }
    [[unroll]] for (uint i = 0; i < QUADS; i++) {
      dKey[r][i] = vec4(0);
      dValue[r][i] = vec4(0);
    }
  }
  uint start = isCausal ? at.firstRow / BLOCK * BLOCK : 0;
  for (uint first = start; first < queries; first += BLOCK) {
    uint queryBase[OTHERS];
    float score[ROWS][OTHERS], slope[ROWS][OTHERS];
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      queryBase[j] = at.queryBase + min(laneOther(first, j), queries - 1) * stride;
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        score[r][j] = 0;
        slope[r][j] = 0;
      }
    }
    ADD_SCORES(score, key, loadQuadQ, q, queryBase)
    ADD_SCORES(slope, value, loadQuadQ, dO, queryBase)
    [[unroll]] for (uint j = 0; j < OTHERS; j++) {
      uint query = laneOther(first, j);
      uint statistic = at.statistic + min(query, queries - 1);
      float logSumExp = loadF32(logSumExps, statistic);
      float delta = loadF32(deltas, statistic);
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        bool isSeen = query < queries && (!isCausal || at.firstRow + r <= query);
        float w = isSeen ? weight(score[r][j] - logSumExp) : 0.0;
        score[r][j] = w;
        slope[r][j] = w * (slope[r][j] - delta);
      }
    }
    ADD_WEIGHTED(dValue, score, loadQuadQ, dO, first, queries, stride, at.queryBase)
    ADD_WEIGHTED(dKey, slope, loadQuadQ, q, first, queries, stride, at.queryBase)
  }
  uint64_t dk = p.dk, dv = p.dv;
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint row = at.firstRow + r;
    if (row < keys) {
      [[unroll]] for (uint i = 0; i < QUADS; i++) {
        uint place = at.keyBase + row * stride + laneQuad(i);
        storeQuadK(dk, place, dKey[r][i] * p.scale);
        storeQuadK(dv, place, dValue[r][i]);
      }
    }
  }
}
