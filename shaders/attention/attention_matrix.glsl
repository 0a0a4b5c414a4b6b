// What the attention kernels on matrix units share. A workgroup of SUBGROUPS subgroups owns 16 rows each
// of one head (queries, or keys for dk and dv) and walks the other side in blocks of BLOCK lines, which all
// its lanes bring into shared memory in the operands' type. Each subgroup multiplies fragments of its own
// rows with the block; scores pass through shared memory as f32, where LANES lanes side by side own a
// row, and come back as weights in the operands' type, in the same place. Sums as wide as a head stay in
// fragments. WIDTH, the head's, is a multiple of 32 and of BLOCK, or less than it. A line of shared memory
// has 16 bytes of padding, so that neighbours lie in different banks.
//
// Macros: SUBGROUPS, BLOCK, WIDTH, and those of common/matrix.glsl.
#ifndef ATTENTION_ATTENTION_MATRIX_GLSL
#define ATTENTION_ATTENTION_MATRIX_GLSL
#define THREADS (SUBGROUPS * SUBGROUP)
layout(local_size_x = THREADS) in;
#define ROWS 16
#define LOADS_SUMS
#include "attention/attention.glsl"
#include "common/matrix.glsl"

const uint BLOCK_ROWS = SUBGROUPS * ROWS;
// Fragments along 16 rows, along a head in steps of k and in columns, along a block likewise.
const uint FRAGMENT_ROWS = ROWS / MATRIX_M;
const uint HEAD_STEPS = WIDTH / MATRIX_K;
const uint HEAD_COLUMNS = WIDTH / MATRIX_N;
const uint BLOCK_STEPS = BLOCK / MATRIX_K;
const uint BLOCK_COLUMNS = BLOCK / MATRIX_N;
// In units of 16 bytes: 8 operands or 4 f32.
const uint HEAD_UNITS = WIDTH / 8;
const uint HEAD_LINE = HEAD_UNITS + 1;
const uint SCORE_LINE = BLOCK / 4 + 1;
// Columns of sums that pass through the place of scores at a time.
const uint CHUNK_COLUMNS = (BLOCK < WIDTH ? BLOCK : WIDTH) / MATRIX_N;
const uint CHUNK_QUADS = (BLOCK < WIDTH ? BLOCK : WIDTH) / 4;
const uint CHUNKS = HEAD_COLUMNS / CHUNK_COLUMNS;

// Lanes of a row, rows of a lane, and quads of a row's scores that a lane has.
const uint LANES = SUBGROUP >= ROWS ? SUBGROUP / ROWS : 1;
const uint OWN_ROWS = SUBGROUP >= ROWS ? 1 : ROWS / SUBGROUP;
const uint OWN_QUADS = BLOCK / 4 / LANES;

shared uvec4 staged[STAGED_LINES * (WIDTH / 8 + 1) + SCORE_PLACES * SUBGROUPS * ROWS * (BLOCK / 4 + 1)];

#ifdef MATRIX_EMULATED
float emulatedElement(MatrixPlace place, uint row, uint column) {
  uint line = place.isColumnMajor ? column : row;
  uint along = place.isColumnMajor ? row : column;
  uvec4 unit = staged[place.index + line * place.stride + along / 8];
  return unpackHalf2x16(unit[along % 8 / 2])[along % 2];
}
void emulatedStore(uint index, uint stride, uint row, uint column, float value) {
  staged[index + row * stride + column / 4][column % 4] = floatBitsToUint(value);
}
float emulatedLoad(uint index, uint stride, uint row, uint column) {
  return uintBitsToFloat(staged[index + row * stride + column / 4][column % 4]);
}
#endif

uint lane() { return matrixLane() % LANES; }
// The r-th row of this lane, among those of its subgroup.
uint ownRow(uint r) { return matrixLane() / LANES + r * (SUBGROUP / LANES); }
// Its row in the block of the workgroup.
uint blockRow(uint r) { return matrixSubgroup() * ROWS + ownRow(r); }
// Where the scores of this subgroup lie, in the place-th part of shared memory for scores.
uint scorePlace(uint place) {
  return STAGED_LINES * HEAD_LINE + (place * SUBGROUPS + matrixSubgroup()) * ROWS * SCORE_LINE;
}

// Eight values of q, o or do, or of k or v, in the operands' type.
#define UNIT_ACCESS(NAME, STORAGE)                                                            \
  uvec4 loadUnit##NAME(uint64_t base, uint i) {                                               \
    if (STORAGE == MATRIX_TYPE) {                                                             \
      WideArray words = WideArray(base);                                                      \
      return uvec4(unpack32(words.at[i >> 2]), unpack32(words.at[(i >> 2) + 1]));             \
    }                                                                                         \
    return uvec4(packed(loadQuad##NAME(base, i)), packed(loadQuad##NAME(base, i + 4)));       \
  }
UNIT_ACCESS(Q, STORAGE_Q)
UNIT_ACCESS(K, STORAGE_K)

// Brings `count` lines of a head, from the line `first` of `lines`, to the staged line `place`, zeros beyond
// the last one.
#define STAGE_LINES(place, NAME, base, start, first, lines, count, stride)              \
  for (uint i_ = gl_LocalInvocationIndex; i_ < (count) * HEAD_UNITS; i_ += THREADS) {   \
    uint line_ = i_ / HEAD_UNITS, unit_ = i_ % HEAD_UNITS;                              \
    bool isInside_ = (first) + line_ < (lines);                                         \
    uint offset_ = (start) + (isInside_ ? (first) + line_ : 0) * (stride) + 8 * unit_;  \
    uvec4 value_ = loadUnit##NAME(base, offset_);                                       \
    staged[((place) + line_) * HEAD_LINE + unit_] = isInside_ ? value_ : uvec4(0);      \
  }

// The fragments of this subgroup's rows among the staged lines from `place`.
#define LOAD_ROWS(fragments, place)                                                      \
  [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                               \
    uint first_ = ((place) + matrixSubgroup() * ROWS + r_ * MATRIX_M) * HEAD_LINE;       \
    [[unroll]] for (uint s_ = 0; s_ < HEAD_STEPS; s_++) {                                \
      LOAD_MATRIX(fragments[r_ * HEAD_STEPS + s_], staged, first_ + s_ * MATRIX_K / 8,   \
          HEAD_LINE, false);                                                             \
    }                                                                                    \
  }

// Scores of the rows in `fragments` with the block of staged lines from `place`, to shared memory.
#define STORE_SCORES(fragments, place, target)                                           \
  [[unroll]] for (uint c_ = 0; c_ < BLOCK_COLUMNS; c_++) {                               \
    MatrixSum scores_[FRAGMENT_ROWS];                                                    \
    [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) scores_[r_] = zeroMatrix();   \
    [[unroll]] for (uint s_ = 0; s_ < HEAD_STEPS; s_++) {                                \
      MatrixB other_;                                                                    \
      LOAD_MATRIX(other_, staged, ((place) + c_ * MATRIX_N) * HEAD_LINE + s_ * MATRIX_K / 8, \
          HEAD_LINE, true);                                                              \
      [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                           \
        MULTIPLY_ADD(scores_[r_], fragments[r_ * HEAD_STEPS + s_], other_);              \
      }                                                                                  \
    }                                                                                    \
    [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                             \
      STORE_MATRIX(scores_[r_], staged,                                                  \
          (target) + r_ * MATRIX_M * SCORE_LINE + c_ * MATRIX_N / 4, SCORE_LINE);        \
    }                                                                                    \
  }

// Adds the weights at `weights` times the block of staged lines from `place`.
#define ADD_VALUES(sums, weights, place)                                                 \
  [[unroll]] for (uint s_ = 0; s_ < BLOCK_STEPS; s_++) {                                 \
    MatrixA weights_[FRAGMENT_ROWS];                                                     \
    [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                             \
      LOAD_MATRIX(weights_[r_], staged,                                                  \
          (weights) + r_ * MATRIX_M * SCORE_LINE + s_ * MATRIX_K / 8, SCORE_LINE, false); \
    }                                                                                    \
    [[unroll]] for (uint c_ = 0; c_ < HEAD_COLUMNS; c_++) {                              \
      MatrixB other_;                                                                    \
      LOAD_MATRIX(other_, staged, ((place) + s_ * MATRIX_K) * HEAD_LINE + c_ * MATRIX_N / 8, \
          HEAD_LINE, false);                                                             \
      [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                           \
        MULTIPLY_ADD(sums[r_ * HEAD_COLUMNS + c_], weights_[r_], other_);                \
      }                                                                                  \
    }                                                                                    \
  }

#define CLEAR_SUMS(sums)                                                                 \
  [[unroll]] for (uint i_ = 0; i_ < FRAGMENT_ROWS * HEAD_COLUMNS; i_++) sums[i_] = zeroMatrix();

// A chunk of columns of sums to the place `target` of scores, or with LOAD_SUMS back.
#define MOVE_CHUNK(MOVE, sums, chunk, target)                                            \
  [[unroll]] for (uint c_ = 0; c_ < CHUNK_COLUMNS; c_++) {                               \
    [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                             \
      MOVE(sums[r_ * HEAD_COLUMNS + (chunk) * CHUNK_COLUMNS + c_], staged,               \
          (target) + r_ * MATRIX_M * SCORE_LINE + c_ * MATRIX_N / 4, SCORE_LINE);        \
    }                                                                                    \
  }

// Writes the rows of sums that are inside, times a factor for each of the lane's rows.
#define STORE_ROWS(sums, factors, NAME, base, start, firstLine, lines, stride, target)   \
  [[unroll]] for (uint chunk_ = 0; chunk_ < CHUNKS; chunk_++) {                          \
    barrier();                                                                           \
    MOVE_CHUNK(STORE_MATRIX, sums, chunk_, target)                                       \
    barrier();                                                                           \
    [[unroll]] for (uint r_ = 0; r_ < OWN_ROWS; r_++) {                                  \
      uint line_ = (firstLine) + blockRow(r_);                                           \
      for (uint quad_ = lane(); quad_ < CHUNK_QUADS && line_ < (lines); quad_ += LANES) { \
        vec4 value_ = uintBitsToFloat(staged[(target) + ownRow(r_) * SCORE_LINE + quad_]); \
        storeQuad##NAME(base, (start) + line_ * (stride) + 4 * (chunk_ * CHUNK_QUADS + quad_), \
            value_ * factors[r_]);                                                       \
      }                                                                                  \
    }                                                                                    \
  }

// Quad i of this lane in a row's scores or weights.
uint ownQuad(uint i) { return lane() + LANES * i; }
vec4 scoreQuad(uint place, uint r, uint i) {
  return uintBitsToFloat(staged[place + ownRow(r) * SCORE_LINE + ownQuad(i)]);
}
void storeWeightQuad(uint place, uint r, uint i, vec4 value) {
  uint unit = place + ownRow(r) * SCORE_LINE + ownQuad(i) / 2;
  uvec2 bits = packed(value);
  staged[unit][2 * (ownQuad(i) % 2)] = bits.x;
  staged[unit][2 * (ownQuad(i) % 2) + 1] = bits.y;
}

#endif
