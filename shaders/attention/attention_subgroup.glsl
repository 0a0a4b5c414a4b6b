// What the attention kernels for CPUs share. The LANES lanes of a workgroup own ROWS rows together
// (queries; keys for dk and dv) and walk the other side in blocks of OTHERS * LANES, each lane with
// OTHERS of them. For scores, rows are handed round and lanes run over the other side; for results,
// weights are handed round and lanes run over the head's WIDTH values, in quads. Sums stay in
// registers, or on the CPU's stack. WIDTH is a multiple of 4 * LANES.
#ifndef ATTENTION_ATTENTION_SUBGROUP_GLSL
#define ATTENTION_ATTENTION_SUBGROUP_GLSL
#include "attention/attention.glsl"
#include "product/shared_loads.glsl"

PAIR_ACCESS(Q, STORAGE_Q)
PAIR_ACCESS(K, STORAGE_K)

// Quads of the head's values in a lane; pairs of them in a lane, where lanes share a row.
const uint QUADS = WIDTH / (4 * LANES);
const uint PAIRS = WIDTH / (2 * LANES);
const uint BLOCK = OTHERS * LANES;

// The first of a lane's values of a head in quad q.
uint laneQuad(uint q) { return 4 * (LANES * q + gl_SubgroupInvocationID); }
// The first of the values that a lane brings in pair i.
uint lanePair(uint i) { return 2 * (LANES * i + gl_SubgroupInvocationID); }
// The place of a lane's other j in the block that starts at `first`.
uint laneOther(uint first, uint j) { return first + LANES * j + gl_SubgroupInvocationID; }

// Adds rows . other to scores: `rows` are pairs as loaded, `other` the address of a row of the other
// side for each of OTHERS.
#define ADD_SCORES(scores, rows, load, base, offset)                                     \
  [[unroll]] for (uint pair_ = 0; pair_ < PAIRS; pair_++) {                              \
    [[unroll]] for (uint k_ = 0; k_ < 2 * LANES; k_ += 4) {                              \
      vec4 w_[OTHERS];                                                                   \
      [[unroll]] for (uint j_ = 0; j_ < OTHERS; j_++) {                                  \
        w_[j_] = load(base, offset[j_] + 2 * LANES * pair_ + k_);                        \
      }                                                                                  \
      [[unroll]] for (uint r_ = 0; r_ < ROWS; r_++) {                                    \
        vec4 x_;                                                                         \
        [[unroll]] for (uint i_ = 0; i_ < 4; i_++) {                                     \
          x_[i_] = subgroupBroadcast(rows[r_][pair_][i_ % 2], (k_ + i_) / 2);            \
        }                                                                                \
        [[unroll]] for (uint j_ = 0; j_ < OTHERS; j_++) scores[r_][j_] += dot(x_, w_[j_]); \
      }                                                                                  \
    }                                                                                    \
  }

// Adds weights times the rows of the other side to sums.
#define ADD_WEIGHTED(sums, weights, load, base, first, count, stride, start)             \
  [[unroll]] for (uint j_ = 0; j_ < BLOCK; j_ += 2) {                                    \
    vec4 even_[QUADS], odd_[QUADS];                                                      \
    uint evenBase_ = start + min(first + j_, count - 1) * stride;                        \
    uint oddBase_ = start + min(first + j_ + 1, count - 1) * stride;                     \
    [[unroll]] for (uint q_ = 0; q_ < QUADS; q_++) {                                     \
      even_[q_] = load(base, evenBase_ + laneQuad(q_));                                  \
      odd_[q_] = load(base, oddBase_ + laneQuad(q_));                                    \
    }                                                                                    \
    [[unroll]] for (uint r_ = 0; r_ < ROWS; r_++) {                                      \
      float a_ = subgroupBroadcast(weights[r_][j_ / LANES], j_ % LANES);                 \
      float b_ = subgroupBroadcast(weights[r_][j_ / LANES], (j_ + 1) % LANES);           \
      [[unroll]] for (uint q_ = 0; q_ < QUADS; q_++) {                                   \
        sums[r_][q_] += a_ * even_[q_];                                                  \
        sums[r_][q_] += b_ * odd_[q_];                                                   \
      }                                                                                  \
    }                                                                                    \
  }

// The largest and the sum over the lanes, in every lane.
float laneMaximum(float x) {
  float most = subgroupBroadcast(x, 0);
  [[unroll]] for (uint i = 1; i < LANES; i++) most = max(most, subgroupBroadcast(x, i));
  return most;
}
float laneSum(float x) {
  float sum = subgroupBroadcast(x, 0);
  [[unroll]] for (uint i = 1; i < LANES; i++) sum += subgroupBroadcast(x, i);
  return sum;
}

#endif
