// dk = ds^T q / sqrt(D) and dv = p^T do with p = e^(q k^T / sqrt(D) - logSumExp) and
// ds = p * (do v^T - delta), on matrix units. Rows are keys, blocks of queries are walked; see
// attention_matrix.glsl.
// Shapes: q, do [N, T, heads D]; k, v, dk, dv [N, S, heads D]; logSumExp, delta f32 [N, heads, T].
// One workgroup per block of keys, head and sample, in this order.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#define STAGED_LINES (32 * SUBGROUPS + 2 * BLOCK)
#define SCORE_PLACES 2
#include "attention/attention_matrix.glsl"

const uint KEYS = 0;
const uint VALUES = BLOCK_ROWS;
const uint QUERIES = 2 * BLOCK_ROWS;
const uint SLOPES = 2 * BLOCK_ROWS + BLOCK;

void main() {
  Place at = placeOfGroup(p.keys, BLOCK_ROWS);
  if (!at.isPresent) return;
  uint stride = at.rowStride;
  uint scores = scorePlace(0), slopes = scorePlace(1);
  bool isCausal = p.isCausal != 0;
  STAGE_LINES(KEYS, K, p.k, at.keyBase, at.firstRow, p.keys, BLOCK_ROWS, stride)
  STAGE_LINES(VALUES, K, p.v, at.keyBase, at.firstRow, p.keys, BLOCK_ROWS, stride)
  barrier();
  MatrixA key[FRAGMENT_ROWS * HEAD_STEPS], value[FRAGMENT_ROWS * HEAD_STEPS];
  LOAD_ROWS(key, KEYS)
  LOAD_ROWS(value, VALUES)
  MatrixSum dKey[FRAGMENT_ROWS * HEAD_COLUMNS], dValue[FRAGMENT_ROWS * HEAD_COLUMNS];
  CLEAR_SUMS(dKey)
  CLEAR_SUMS(dValue)
  uint start = isCausal ? at.firstRow / BLOCK * BLOCK : 0;
  for (uint first = start; first < p.queries; first += BLOCK) {
    barrier();
    STAGE_LINES(QUERIES, Q, p.q, at.queryBase, first, p.queries, BLOCK, stride)
    STAGE_LINES(SLOPES, Q, p.dO, at.queryBase, first, p.queries, BLOCK, stride)
    barrier();
    STORE_SCORES(key, QUERIES, scores)
    STORE_SCORES(value, SLOPES, slopes)
    barrier();
    vec4 w[OWN_ROWS][OWN_QUADS], ds[OWN_ROWS][OWN_QUADS];
    [[unroll]] for (uint i = 0; i < OWN_QUADS; i++) {
      [[unroll]] for (uint j = 0; j < 4; j++) {
        uint query = first + 4 * ownQuad(i) + j;
        uint statistic = at.statistic + min(query, p.queries - 1);
        float logSumExp = loadF32(p.logSumExp, statistic), delta = loadF32(p.delta, statistic);
        [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
          bool isSeen = query < p.queries && (!isCausal || at.firstRow + blockRow(r) <= query);
          float score = scoreQuad(scores, r, i)[j] * p.scale - logSumExp;
          w[r][i][j] = isSeen ? weight(score) : 0.0;
          ds[r][i][j] = isSeen ? w[r][i][j] * (scoreQuad(slopes, r, i)[j] - delta) : 0.0;
        }
      }
    }
    barrier();  // the scores have been read
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
      [[unroll]] for (uint i = 0; i < OWN_QUADS; i++) {
        storeWeightQuad(scores, r, i, w[r][i]);
        storeWeightQuad(slopes, r, i, ds[r][i]);
      }
    }
    barrier();
    ADD_VALUES(dValue, scores, SLOPES)
    ADD_VALUES(dKey, slopes, QUERIES)
  }
  float factor[OWN_ROWS], one[OWN_ROWS];
  [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
    factor[r] = p.scale;
    one[r] = 1.0;
  }
  STORE_ROWS(dKey, factor, K, p.dk, at.keyBase, at.firstRow, p.keys, stride, scores)
  STORE_ROWS(dValue, one, K, p.dv, at.keyBase, at.firstRow, p.keys, stride, slopes)
}
