// o = softmax(q k^T / sqrt(D)) v for each head, and logSumExp, in one pass over the keys, on matrix units;
// see attention_matrix.glsl. Rows are queries. Weights are e^(score - reference): a row's reference
// is its largest score when it was last renewed, and all are renewed, and sums so far scaled, when one
// row's largest has grown by more than 8 (weights stay below 2981, far inside f16), which after the
// first blocks is rare.
// Shapes: q, o [N, T, heads D]; k, v [N, S, heads D]; logSumExp f32 [N, heads, T].
// One workgroup per block of queries, head and sample, in this order.
// Meaning: Graph/Operations/Attention.swift
// Source: FlashAttention-2, arXiv 2307.08691, algorithm 1.
#version 460
#define STAGED_LINES (16 * SUBGROUPS + 2 * BLOCK)
#define SCORE_PLACES 1
#include "attention/attention_matrix.glsl"

const uint QUERIES = 0;
const uint KEYS = BLOCK_ROWS;
const uint VALUES = BLOCK_ROWS + BLOCK;
const float MOST_GROWTH = 8.0;

// The largest score of a row in each of its lanes, at the end their sums of weights.
shared float laneResults[SUBGROUPS * 16 * LANES];
shared uint hasGrown;

MatrixA query[FRAGMENT_ROWS * HEAD_STEPS];
MatrixSum sums[FRAGMENT_ROWS * HEAD_COLUMNS];

// Multiplies the rows of sums.
void scaleSums(float factors[OWN_ROWS], uint scores) {
  [[unroll]] for (uint chunk = 0; chunk < CHUNKS; chunk++) {
    MOVE_CHUNK(STORE_MATRIX, sums, chunk, scores)
    barrier();
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
      for (uint quad = lane(); quad < CHUNK_QUADS; quad += LANES) {
        uint i = scores + ownRow(r) * SCORE_LINE + quad;
        staged[i] = floatBitsToUint(uintBitsToFloat(staged[i]) * factors[r]);
      }
    }
    barrier();
    MOVE_CHUNK(LOAD_SUMS, sums, chunk, scores)
    barrier();
  }
}

void main() {
  Place at = placeOfGroup(p.queries, BLOCK_ROWS);
  if (!at.isPresent) return;
  uint stride = at.rowStride;
  uint scores = scorePlace(0);
  bool isCausal = p.isCausal != 0;
  STAGE_LINES(QUERIES, Q, p.q, at.queryBase, at.firstRow, p.queries, BLOCK_ROWS, stride)
  barrier();
  LOAD_ROWS(query, QUERIES)
  CLEAR_SUMS(sums)
  // The denominator is of the lane's own scores until the end.
  float reference[OWN_ROWS], denominator[OWN_ROWS], factor[OWN_ROWS];
  [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
    reference[r] = -3.0e38;
    denominator[r] = 0;
  }
  uint end = isCausal ? min(min(at.firstRow + BLOCK_ROWS, p.queries), p.keys) : p.keys;
  for (uint first = 0; first < end; first += BLOCK) {
    barrier();
    STAGE_LINES(KEYS, K, p.k, at.keyBase, first, p.keys, BLOCK, stride)
    STAGE_LINES(VALUES, K, p.v, at.keyBase, first, p.keys, BLOCK, stride)
    if (gl_LocalInvocationIndex == 0) hasGrown = 0;
    barrier();
    STORE_SCORES(query, KEYS, scores)
    barrier();
    vec4 score[OWN_ROWS][OWN_QUADS];
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
      uint count = isCausal ? min(at.firstRow + blockRow(r) + 1, p.keys) : p.keys;
      float most = -3.0e38;
      [[unroll]] for (uint i = 0; i < OWN_QUADS; i++) {
        vec4 value = scoreQuad(scores, r, i) * p.scale;
        [[unroll]] for (uint j = 0; j < 4; j++) {
          value[j] = first + 4 * ownQuad(i) + j < count ? value[j] : -3.0e38;
          most = max(most, value[j]);
        }
        score[r][i] = value;
      }
      laneResults[blockRow(r) * LANES + lane()] = most;
    }
    barrier();
    float largest[OWN_ROWS];
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
      largest[r] = reference[r];
      [[unroll]] for (uint i = 0; i < LANES; i++) {
        largest[r] = max(largest[r], laneResults[blockRow(r) * LANES + i]);
      }
      if (largest[r] > reference[r] + MOST_GROWTH) hasGrown = 1;
    }
    barrier();
    bool isRenewed = hasGrown != 0;
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
      float next = isRenewed ? largest[r] : reference[r];
      factor[r] = first == 0 ? 0.0 : weight(reference[r] - next);
      reference[r] = next;
    }
    if (isRenewed && first > 0) scaleSums(factor, scores);
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
      uint count = isCausal ? min(at.firstRow + blockRow(r) + 1, p.keys) : p.keys;
      float sum = 0;
      [[unroll]] for (uint i = 0; i < OWN_QUADS; i++) {
        vec4 w;
        [[unroll]] for (uint j = 0; j < 4; j++) {
          bool isSeen = first + 4 * ownQuad(i) + j < count;
          w[j] = isSeen ? weight(score[r][i][j] - reference[r]) : 0.0;
          sum += w[j];
        }
        storeWeightQuad(scores, r, i, w);
      }
      denominator[r] = denominator[r] * factor[r] + sum;
    }
    barrier();
    ADD_VALUES(sums, scores, VALUES)
  }
  barrier();
  [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
    laneResults[blockRow(r) * LANES + lane()] = denominator[r];
  }
  barrier();
  [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
    float total = 0;
    [[unroll]] for (uint i = 0; i < LANES; i++) total += laneResults[blockRow(r) * LANES + i];
    uint row = at.firstRow + blockRow(r);
    if (row < p.queries && lane() == 0) {
      storeF32(p.logSumExp, at.statistic + row, reference[r] + logarithm(total));
    }
    factor[r] = 1.0 / total;
  }
  STORE_ROWS(sums, factor, Q, p.o, at.queryBase, at.firstRow, p.queries, stride, scores)
}
