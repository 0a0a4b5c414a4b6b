// What the attention kernels for GPUs share. A workgroup of THREADS invocations owns THREADS / LANES *
// ROWS rows of one head (queries, or keys for dk and dv) and walks the other side in blocks of OTHERS *
// LANES, which all its invocations bring into shared memory. LANES invocations side by side share ROWS
// rows: for scores each has OTHERS of the block, LANES apart; for results, WIDTH / LANES values of the
// head, in quads that alternate. Weights pass through shared memory in between, as f32; lines of q, k, v
// and do lie there as they are stored. WIDTH, the head's, is a multiple of 32. A line of shared memory has
// four values of padding, so that neighbours read from different banks.
//
// Macros: THREADS, ROWS, OTHERS, WIDTH.
#ifndef ATTENTION_ATTENTION_SHARED_GLSL
#define ATTENTION_ATTENTION_SHARED_GLSL
layout(local_size_x = THREADS) in;
#define LANES 8
#include "attention/attention.glsl"

const uint BLOCK_ROWS = THREADS / LANES * ROWS;
const uint BLOCK = OTHERS * LANES;
const uint HEAD_QUADS = WIDTH / 4;
const uint QUADS = HEAD_QUADS / LANES;
// In quads.
const uint HEAD_LINE = HEAD_QUADS + 1;
const uint WEIGHT_LINE = BLOCK / 4 + 1;

uint lane() { return gl_LocalInvocationIndex % LANES; }
// The invocation's first row in the block.
uint firstRow() { return gl_LocalInvocationIndex / LANES * ROWS; }

// Four values as they lie in shared memory, by their storage.
#define QuadQ STORAGE_PICK(Quad, STORAGE_Q)
#define QuadK STORAGE_PICK(Quad, STORAGE_K)
#define Quad0 vec4
#define Quad1 uvec2
#define Quad2 uvec2
#define PACK_QUAD_0(v) (v)
#define PACK_QUAD_1(v) uvec2(packHalf((v).xy), packHalf((v).zw))
#define PACK_QUAD_2(v) \
  ((floatBitsToUint((v).xz) >> 16) | (floatBitsToUint((v).yw) & 0xffff0000u))
#define packQuadQ(v) STORAGE_PICK(PACK_QUAD_, STORAGE_Q)(v)
#define packQuadK(v) STORAGE_PICK(PACK_QUAD_, STORAGE_K)(v)

#define UNPACK_QUAD_0(v) (v)
#define UNPACK_QUAD_1(v) vec4(unpackHalf2x16((v).x), unpackHalf2x16((v).y))
#define UNPACK_QUAD_2(v) \
  uintBitsToFloat(uvec4((v).x << 16, (v).x & 0xffff0000u, (v).y << 16, (v).y & 0xffff0000u))
#define unpackQuadQ(v) STORAGE_PICK(UNPACK_QUAD_, STORAGE_Q)(v)
#define unpackQuadK(v) STORAGE_PICK(UNPACK_QUAD_, STORAGE_K)(v)

// The macros below take Q or K as NAME: of the array that they read or write.

// Brings `count` lines of a head, from the line `first` of `lines`, into shared memory, zeros beyond the
// last one.
#define STAGE_LINES(array, NAME, base, start, first, lines, count, stride)              \
  for (uint i_ = gl_LocalInvocationIndex; i_ < (count) * HEAD_QUADS; i_ += THREADS) {   \
    uint line_ = i_ / HEAD_QUADS, quad_ = i_ % HEAD_QUADS;                              \
    bool isInside_ = (first) + line_ < (lines);                                         \
    uint offset_ = (start) + (isInside_ ? (first) + line_ : 0) * (stride) + 4 * quad_;  \
    vec4 value_ = isInside_ ? loadQuad##NAME(base, offset_) : vec4(0);                  \
    array[line_ * HEAD_LINE + quad_] = packQuad##NAME(value_);                          \
  }

// Adds the products of the invocation's rows in `rows` with its lines of `others`, both staged.
#define ADD_STAGED_SCORES(scores, rows, ROW_NAME, others, OTHER_NAME)                   \
  for (uint d_ = 0; d_ < HEAD_QUADS; d_++) {                                            \
    vec4 x_[ROWS];                                                                      \
    [[unroll]] for (uint r_ = 0; r_ < ROWS; r_++) {                                     \
      x_[r_] = unpackQuad##ROW_NAME(rows[(firstRow() + r_) * HEAD_LINE + d_]);          \
    }                                                                                   \
    [[unroll]] for (uint j_ = 0; j_ < OTHERS; j_++) {                                   \
      vec4 w_ = unpackQuad##OTHER_NAME(others[(LANES * j_ + lane()) * HEAD_LINE + d_]); \
      [[unroll]] for (uint r_ = 0; r_ < ROWS; r_++) {                                   \
        float sum_ = fma(x_[r_].x, w_.x, scores[r_][j_]);                               \
        sum_ = fma(x_[r_].y, w_.y, sum_);                                               \
        sum_ = fma(x_[r_].z, w_.z, sum_);                                               \
        scores[r_][j_] = fma(x_[r_].w, w_.w, sum_);                                     \
      }                                                                                 \
    }                                                                                   \
  }

// Adds the invocation's rows of staged weights times the staged lines of `others`.
#define ADD_STAGED_VALUES(sums, weights, others, NAME)                                  \
  for (uint j_ = 0; j_ < BLOCK / 4; j_++) {                                             \
    vec4 x_[ROWS];                                                                      \
    [[unroll]] for (uint r_ = 0; r_ < ROWS; r_++) {                                     \
      x_[r_] = weights[(firstRow() + r_) * WEIGHT_LINE + j_];                           \
    }                                                                                   \
    [[unroll]] for (uint i_ = 0; i_ < 4; i_++) {                                        \
      [[unroll]] for (uint q_ = 0; q_ < QUADS; q_++) {                                  \
        uint at_ = (4 * j_ + i_) * HEAD_LINE + LANES * q_ + lane();                     \
        vec4 w_ = unpackQuad##NAME(others[at_]);                                        \
        [[unroll]] for (uint r_ = 0; r_ < ROWS; r_++) {                                 \
          sums[r_][q_] = fma(vec4(x_[r_][i_]), w_, sums[r_][q_]);                       \
        }                                                                               \
      }                                                                                 \
    }                                                                                   \
  }

#endif
