// What the attention kernels on matrix units share. A workgroup of SUBGROUPS subgroups owns ROWS rows each of
// one head (queries, or keys for dk and dv) and walks the other side in blocks of BLOCK lines, which all
// its lanes bring: into registers while the block before is worked on, then into shared memory. Each
// subgroup multiplies fragments of its own rows with the block. Scores stay in fragments, of whose
// elements a lane does not know where they stand, so that all that depends on a row or a column comes in
// fragments too: loaded with a stride of zero, every column or row the same. Weights go through the
// subgroup's own part of shared memory in the operands' type, because sums cannot become operands in
// registers. WIDTH, the head's, is a multiple of 32. A line of shared memory has 16 bytes of padding,
// so that neighbours lie in different banks.
//
// Macros: SUBGROUPS, ROWS (a multiple of 16), BLOCK, WIDTH, PLACES (sorts of weights that a kernel keeps),
// FRAGMENT_ROWS and HEAD_COLUMNS (ROWS and WIDTH in fragments), and those of common/matrix.glsl.
#ifndef ATTENTION_ATTENTION_MATRIX_GLSL
#define ATTENTION_ATTENTION_MATRIX_GLSL
#define THREADS (SUBGROUPS * SUBGROUP)
layout(local_size_x = THREADS) in;
#define LOADS_SUMS
#extension GL_KHR_shader_subgroup_vote : require
#include "attention/attention.glsl"
#include "common/matrix.glsl"

const uint BLOCK_ROWS = SUBGROUPS * ROWS;
// Fragments along a subgroup's rows (FRAGMENT_ROWS), along a head in columns (HEAD_COLUMNS) and steps of
// k, along a block likewise.
const uint HEAD_STEPS = WIDTH / MATRIX_K;
const uint BLOCK_STEPS = BLOCK / MATRIX_K;
const uint BLOCK_COLUMNS = BLOCK / MATRIX_N;

// All sizes of shared memory are in units of 16 bytes: 8 operands or 4 f32.
const uint HEAD_UNITS = WIDTH / 8;
const uint HEAD_LINE = HEAD_UNITS + 1;
const uint BLOCK_SIZE = BLOCK * HEAD_LINE;
// A subgroup's own part: its rows at first, then weights, in between and at the end f32 of fragments.
const uint WEIGHT_LINE = PLACES * BLOCK / 8 + 1;
const uint OWN_LINE = HEAD_LINE > WEIGHT_LINE ? HEAD_LINE : WEIGHT_LINE;
// f32 of a fragment.
const uint FRAGMENT_LINE = MATRIX_N / 4 + 1;
const uint OWN_SIZE = ROWS * OWN_LINE;
// f32 of one fragment on its way to weights, where sums cannot be rounded to operands in registers.
#if MATRIX_TYPE == 1 && !defined(MATRIX_EMULATED)
const uint SCRATCH_SIZE = 0;
#else
const uint SCRATCH_SIZE = 16 * 5;
#endif
// Emulated fragments stay where they were loaded from: rows have a place that nothing else is written to.
#ifdef MATRIX_EMULATED
const uint KEPT_START = OWN_SIZE + SCRATCH_SIZE;
const uint KEPT_SIZE = OWN_SIZE;
#else
const uint KEPT_START = 0;
const uint KEPT_SIZE = 0;
#endif
const uint PART_SIZE = OWN_SIZE + SCRATCH_SIZE + 2 * KEPT_SIZE;

// Both blocks, the subgroups' parts, a value for each of their rows, two for each line of a block.
const uint OWN_START = 2 * BLOCK_SIZE;
const uint ROW_START = OWN_START + SUBGROUPS * PART_SIZE;
const uint COLUMN_START = ROW_START + BLOCK_ROWS / 4;
shared uvec4 staged[COLUMN_START + 2 * BLOCK / 4];

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

uint ownStart() { return OWN_START + matrixSubgroup() * PART_SIZE; }
// Where the first or second operand's rows are staged.
uint rowsStart(uint which) { return ownStart() + KEPT_START + which * KEPT_SIZE; }
uint ownRows() { return ROW_START + matrixSubgroup() * (ROWS / 4); }
float rowValue(uint row) { return uintBitsToFloat(staged[ownRows() + row / 4][row % 4]); }
void setRowValue(uint row, float value) { staged[ownRows() + row / 4][row % 4] = floatBitsToUint(value); }
// Of line `line` of a block, the first or the second.
void setColumnValue(uint which, uint line, float value) {
  staged[COLUMN_START + which * (BLOCK / 4) + line / 4][line % 4] = floatBitsToUint(value);
}

// Eight values of q, o or do, or of k or v, in the operands' type.
#define UNIT_ACCESS(NAME, STORAGE)                                                            \
  uvec4 loadUnit##NAME(uint64_t base, uint i) {                                               \
    if (STORAGE == MATRIX_TYPE) return Units(base).at[i >> 3];                                \
    return uvec4(packed(loadQuad##NAME(base, i)), packed(loadQuad##NAME(base, i + 4)));       \
  }
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Units { uvec4 at[]; };
UNIT_ACCESS(Q, STORAGE_Q)
UNIT_ACCESS(K, STORAGE_K)

// Brings this subgroup's rows of a head to its part of shared memory, zeros beyond the last of `lines`.
#define STAGE_ROWS(which, NAME, base, start, first, lines, stride)                        \
  for (uint i_ = matrixLane(); i_ < ROWS * HEAD_UNITS; i_ += SUBGROUP) {                  \
    uint line_ = i_ / HEAD_UNITS, unit_ = i_ % HEAD_UNITS;                                \
    uint row_ = (first) + matrixSubgroup() * ROWS + line_;                                \
    bool isInside_ = row_ < (lines);                                                      \
    uvec4 value_ = loadUnit##NAME(base, (start) + (isInside_ ? row_ : 0) * (stride) + 8 * unit_); \
    staged[rowsStart(which) + line_ * OWN_LINE + unit_] = isInside_ ? value_ : uvec4(0);  \
  }

// Those rows as fragments.
#define LOAD_ROWS(which, fragments)                                                      \
  syncSubgroup();                                                                        \
  [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                               \
    [[unroll]] for (uint s_ = 0; s_ < HEAD_STEPS; s_++) {                                \
      LOAD_MATRIX(fragments[r_ * HEAD_STEPS + s_], staged,                               \
          rowsStart(which) + r_ * MATRIX_M * OWN_LINE + s_ * MATRIX_K / 8, OWN_LINE, false); \
    }                                                                                    \
  }                                                                                      \
  syncSubgroup();

// The lines of a block in flight: of the first operand, then of the second.
const uint ITEMS = (BLOCK * HEAD_UNITS + THREADS - 1) / THREADS;
uvec4 inFlight[2 * ITEMS];

#define FETCH_LINES(which, NAME, base, start, first, lines, stride)                      \
  [[unroll]] for (uint i_ = 0; i_ < ITEMS; i_++) {                                       \
    uint item_ = gl_LocalInvocationIndex + i_ * THREADS;                                 \
    uint line_ = min((first) + item_ / HEAD_UNITS, (lines) - 1);                         \
    inFlight[(which) * ITEMS + i_] =                                                     \
        loadUnit##NAME(base, (start) + line_ * (stride) + item_ % HEAD_UNITS * 8);       \
  }
// With zeros beyond the last of `count` lines.
void stageLines(uint which, uint count) {
  [[unroll]] for (uint i = 0; i < ITEMS; i++) {
    uint item = gl_LocalInvocationIndex + i * THREADS;
    uint line = item / HEAD_UNITS;
    if (line < BLOCK) {
      staged[which * BLOCK_SIZE + line * HEAD_LINE + item % HEAD_UNITS] =
          line < count ? inFlight[which * ITEMS + i] : uvec4(0);
    }
  }
}

// Adds to `scores` the products of `rows` with `columns` columns of fragments of a block from the first on;
// those of one step of k do not wait for each other.
#define ADD_SCORES(scores, rows, which, first, columns)                                  \
  [[unroll]] for (uint s_ = 0; s_ < HEAD_STEPS; s_++) {                                  \
    [[unroll]] for (uint c_ = 0; c_ < (columns); c_++) {                                 \
      MatrixB other_;                                                                    \
      LOAD_MATRIX(other_, staged, (which) * BLOCK_SIZE                                   \
          + ((first) + c_) * MATRIX_N * HEAD_LINE + s_ * MATRIX_K / 8, HEAD_LINE, true); \
      [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                           \
        MULTIPLY_ADD(scores[c_ * FRAGMENT_ROWS + r_], rows[r_ * HEAD_STEPS + s_], other_); \
      }                                                                                  \
    }                                                                                    \
  }

// Weights of fragment (r, c) to this subgroup's part of shared memory.
#if MATRIX_TYPE == 1 && !defined(MATRIX_EMULATED)
#define STORE_WEIGHTS(sum, place, r, c)                                                  \
  STORE_HALF(sum, staged,                                                                \
      ownStart() + (r) * MATRIX_M * OWN_LINE + ((place) * BLOCK + (c) * MATRIX_N) / 8, OWN_LINE);
#else
void packScratch(uint target) {
  syncSubgroup();
  for (uint i = matrixLane(); i < MATRIX_M * MATRIX_N / 4; i += SUBGROUP) {
    uint row = i / (MATRIX_N / 4), quad = i % (MATRIX_N / 4);
    uvec2 bits = packed(uintBitsToFloat(staged[ownStart() + OWN_SIZE + row * FRAGMENT_LINE + quad]));
    uint unit = target + row * OWN_LINE + quad / 2;
    staged[unit][2 * (quad % 2)] = bits.x;
    staged[unit][2 * (quad % 2) + 1] = bits.y;
  }
  syncSubgroup();
}
#define STORE_WEIGHTS(sum, place, r, c)                                                  \
  STORE_MATRIX(sum, staged, ownStart() + OWN_SIZE, FRAGMENT_LINE);                        \
  packScratch(ownStart() + (r) * MATRIX_M * OWN_LINE + ((place) * BLOCK + (c) * MATRIX_N) / 8);
#endif

// Adds to `sums` the weights' step s of k times those lines of a block.
#define ADD_VALUES(sums, place, which, s)                                                \
  {                                                                                      \
    MatrixA weights_[FRAGMENT_ROWS];                                                     \
    [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                             \
      LOAD_MATRIX(weights_[r_], staged,                                                  \
          ownStart() + r_ * MATRIX_M * OWN_LINE + ((place) * BLOCK + (s) * MATRIX_K) / 8, \
          OWN_LINE, false);                                                              \
    }                                                                                    \
    [[unroll]] for (uint c_ = 0; c_ < HEAD_COLUMNS; c_++) {                              \
      MatrixB other_;                                                                    \
      LOAD_MATRIX(other_, staged,                                                        \
          (which) * BLOCK_SIZE + (s) * MATRIX_K * HEAD_LINE + c_ * MATRIX_N / 8, HEAD_LINE, false); \
      [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                           \
        MULTIPLY_ADD(sums[r_ * HEAD_COLUMNS + c_], weights_[r_], other_);                \
      }                                                                                  \
    }                                                                                    \
  }

#define CLEAR_SUMS(sums)                                                                 \
  [[unroll]] for (uint i_ = 0; i_ < FRAGMENT_ROWS * HEAD_COLUMNS; i_++) sums[i_] = zeroMatrix();

// The subgroup's row values as fragments whose columns are all the same.
#define LOAD_ROW_VALUES(fragments)                                                       \
  [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                               \
    LOAD_SUM_COLUMNS(fragments[r_], staged, ownRows() + r_ * MATRIX_M / 4, 0);           \
  }
// Values of column c's lines of a block as a fragment whose rows are all the same.
#define LOAD_COLUMN_VALUES(fragment, which, c)                                           \
  LOAD_SUMS(fragment, staged, COLUMN_START + ((which) * BLOCK + (c) * MATRIX_N) / 4, 0);

// What is added to a score that does not count.
const float FAR_BELOW = -1.0e30;
// Lines of a block from the left-th on do not count: the first value of each line says so.
void setMask(uint left) {
  for (uint line = gl_LocalInvocationIndex; line < BLOCK; line += THREADS) {
    setColumnValue(0, line, line < left ? 0.0 : FAR_BELOW);
  }
}
// Adds that to `columns` columns of scores from the first on.
#define ADD_MASK(scores, first, columns)                                                 \
  [[unroll]] for (uint c_ = 0; c_ < (columns); c_++) {                                   \
    MatrixSum mask_;                                                                     \
    LOAD_COLUMN_VALUES(mask_, 0, (first) + c_)                                           \
    [[unroll]] for (uint r_ = 0; r_ < FRAGMENT_ROWS; r_++) {                             \
      ADD_ELEMENTS(scores[c_ * FRAGMENT_ROWS + r_], mask_)                               \
    }                                                                                    \
  }

// One fragment times another, element by element: on a copy, because NVIDIA's compiler moves an array
// whose fragments' elements are written in place to local memory.
#define SCALE_BY(sum, factors)                                                           \
  {                                                                                      \
    MatrixSum scaled_ = sum;                                                             \
    EACH_ELEMENT(e_, scaled_) ELEMENT(scaled_, e_) = ELEMENT(scaled_, e_) * ELEMENT(factors, e_); \
    sum = scaled_;                                                                       \
  }

// Writes the rows of a fragment that are inside, from the subgroup's part of shared memory; `factor` is
// for all rows, unless they have values of their own.
#define STORE_FRAGMENT_ROWS(NAME)                                                        \
  void storeFragment##NAME(                                                              \
      uint64_t base, uint start, uint firstRow, uint lines, uint stride, uint r, uint c, \
      bool hasRowValues, float factor) {                                                 \
    syncSubgroup();                                                                      \
    for (uint i = matrixLane(); i < MATRIX_M * MATRIX_N / 4; i += SUBGROUP) {            \
      uint line = i / (MATRIX_N / 4), quad = i % (MATRIX_N / 4);                         \
      uint local = r * MATRIX_M + line, row = firstRow + matrixSubgroup() * ROWS + local; \
      vec4 value = uintBitsToFloat(staged[ownStart() + line * FRAGMENT_LINE + quad]);    \
      value *= hasRowValues ? rowValue(local) : factor;                                  \
      if (row < lines) storeQuad##NAME(base, start + row * stride + c * MATRIX_N + 4 * quad, value); \
    }                                                                                    \
    syncSubgroup();                                                                      \
  }
STORE_FRAGMENT_ROWS(Q)
STORE_FRAGMENT_ROWS(K)

// All results of a subgroup; STORE_RESULT(r, c), which stores fragment (r, c), is the kernel's.
#define STORE_RESULTS_OF_ROW(r) REPEAT_WITHIN(HEAD_COLUMNS, STORE_RESULT, r)
#define STORE_RESULTS                                                                    \
  syncSubgroup();                                                                        \
  REPEAT(FRAGMENT_ROWS, STORE_RESULTS_OF_ROW)

// Whether it is so in any lane of the subgroup.
#ifdef MATRIX_EMULATED
shared uint anySays;
bool isAny(bool is) {
  barrier();
  if (gl_LocalInvocationIndex == 0) anySays = 0;
  barrier();
  if (is) anySays = 1;
  barrier();
  return anySays != 0;
}
#else
bool isAny(bool is) { return subgroupAny(is); }
#endif

const float LOG2_E = 1.44269504088896341;

#endif
