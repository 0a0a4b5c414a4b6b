// The block of y of a workgroup on matrix units: operands go through shared memory as f16 (MATRIX_TYPE 1)
// or bf16 (2), each subgroup multiplies fragments of its own part of the block, and sums pass through
// shared memory once more, so that the epilogue sees rows and masks edges. Memory's own direction is kept
// in shared memory and fragments are loaded by rows or by columns accordingly; where a device loads only
// rows of k well (RDNA3), ALONG_K turns the operands around on their way. A line of shared memory has 16
// bytes of padding, so that the lines of a fragment lie in different banks.
//
// Macros: FORM, BLOCK_ROWS, BLOCK_COLUMNS, DEPTH, VECTOR, STAGES, LOADS; SUBGROUP lanes, SUBGROUP_ROWS x
// SUBGROUP_COLUMNS subgroups (THREADS must be the product), of which each has a part of the block of
// FRAGMENT_ROWS x FRAGMENT_COLUMNS fragments; ALONG_K. DEPTH must be a multiple of the fragments'.
#ifndef PRODUCT_MATRIX_TILE_GLSL
#define PRODUCT_MATRIX_TILE_GLSL
#include "common/matrix.glsl"
#include "product/staging.glsl"

// Elements that one element of the shared arrays holds.
#if VECTOR == 8
#define UNIT uvec4
#elif VECTOR == 4
#define UNIT uvec2
#else
#define UNIT uint16_t
#endif
// Lines of shared memory run along k, or along rows and columns.
const bool A_RUNS_ALONG_K = FORM != 3 || A_IS_PAIRED;
const bool B_RUNS_ALONG_K = FORM < 2 || B_IS_PAIRED;
const uint A_LINE = ((A_RUNS_ALONG_K ? DEPTH : BLOCK_ROWS) + 8) / VECTOR;
const uint B_LINE = ((B_RUNS_ALONG_K ? DEPTH : BLOCK_COLUMNS) + 8) / VECTOR;
const uint A_SIZE = (A_RUNS_ALONG_K ? BLOCK_ROWS : DEPTH) * A_LINE;
const uint B_SIZE = (B_RUNS_ALONG_K ? BLOCK_COLUMNS : DEPTH) * B_LINE;

const uint PART_ROWS = BLOCK_ROWS / SUBGROUP_ROWS;
const uint PART_COLUMNS = BLOCK_COLUMNS / SUBGROUP_COLUMNS;

// In quads: one row of fragments of a subgroup at a time (16 rows at most), in the same memory that
// operands were in, unless that has narrower elements.
const uint RESULT_LINE = PART_COLUMNS / 4 + 1;
const uint RESULT_SIZE = SUBGROUP_ROWS * SUBGROUP_COLUMNS * 16 * RESULT_LINE;
#if FORM == 0
shared UNIT staged[STAGES * (A_SIZE + B_SIZE)];
shared uvec4 results[RESULT_SIZE];
const uint RESULT_UNITS = 1;
uvec4 resultQuad(uint i) { return results[i]; }
#else
const uint RESULT_UNITS = VECTOR == 8 ? 1 : 2;
const uint STAGED_SIZE = STAGES * (A_SIZE + B_SIZE);
shared UNIT staged[STAGED_SIZE > RESULT_SIZE * RESULT_UNITS ? STAGED_SIZE : RESULT_SIZE * RESULT_UNITS];
#define results staged
#if VECTOR == 8
uvec4 resultQuad(uint i) { return staged[i]; }
#else
uvec4 resultQuad(uint i) { return uvec4(staged[2 * i], staged[2 * i + 1]); }
#endif
#endif

#ifdef MATRIX_EMULATED
float emulatedElement(MatrixPlace place, uint row, uint column) {
  uint line = place.isColumnMajor ? column : row;
  uint along = place.isColumnMajor ? row : column;
  UNIT unit = staged[place.index + line * place.stride + along / VECTOR];
#if FORM == 0
  return unpackHalf2x16(uint(unit)).x;
#else
  return unpackHalf2x16(unit[along % VECTOR / 2])[along % 2];
#endif
}
void emulatedStore(uint index, uint stride, uint row, uint column, float value) {
  uint unit = index + row * stride + column * RESULT_UNITS / 4;
  results[unit][column % (4 / RESULT_UNITS)] = floatBitsToUint(value);
}
#endif

MatrixSum sums[FRAGMENT_ROWS * FRAGMENT_COLUMNS];

void clearSums() {
  [[unroll]] for (uint i = 0; i < FRAGMENT_ROWS * FRAGMENT_COLUMNS; i++) sums[i] = zeroMatrix();
}

#if FORM == 0
#define UNIT_OF(NAME, STORAGE) \
  UNIT unit##NAME(uint item) { return UNIT(packed(numbers##NAME(item, 0)).x); }
#elif VECTOR == 8
#define UNIT_OF(NAME, STORAGE)                                                     \
  UNIT unit##NAME(uint item) {                                                     \
    if (STORAGE == MATRIX_TYPE) return words##NAME(item, 0);                       \
    return uvec4(packed(numbers##NAME(item, 0)), packed(numbers##NAME(item, 4)));  \
  }
#else
#define UNIT_OF(NAME, STORAGE)                                                     \
  UNIT unit##NAME(uint item) {                                                     \
    if (STORAGE == MATRIX_TYPE) return words##NAME(item, 0).xy;                    \
    return packed(numbers##NAME(item, 0));                                         \
  }
#endif
UNIT_OF(A, STORAGE_A)
UNIT_OF(B, STORAGE_B)

// Two vectors of neighbouring k: one word for each of their rows, in the lines of those rows.
void stagePair(uint first, uint row, uint k, uint line, UNIT even, UNIT odd) {
#if FORM != 0
  [[unroll]] for (uint i = 0; i < VECTOR; i++) {
    uint low = i % 2 == 0 ? even[i / 2] & 0xffffu : even[i / 2] >> 16;
    uint high = i % 2 == 0 ? odd[i / 2] << 16 : odd[i / 2] & 0xffff0000u;
    staged[first + (row + i) * line + k / VECTOR][k % VECTOR / 2] = low | high;
  }
#endif
}

void stage(uint stageIndex) {
  uint first = stageIndex * (A_SIZE + B_SIZE);
#if A_IS_PAIRED
  [[unroll]] for (uint item = 0; item < A_ITEMS; item += 2) {
    if (hasA(item)) {
      stagePair(first, rowOfA(item), depthOfA(item), A_LINE, unitA(item), unitA(item + 1));
    }
  }
#else
  [[unroll]] for (uint item = 0; item < A_ITEMS; item++) {
    if (hasA(item)) staged[first + lineA(item) * A_LINE + vectorA(item)] = unitA(item);
  }
#endif
  first += A_SIZE;
#if B_IS_PAIRED
  [[unroll]] for (uint item = 0; item < B_ITEMS; item += 2) {
    if (hasB(item)) {
      stagePair(first, columnOfB(item), depthOfB(item), B_LINE, unitB(item), unitB(item + 1));
    }
  }
#else
  [[unroll]] for (uint item = 0; item < B_ITEMS; item++) {
    if (hasB(item)) staged[first + lineB(item) * B_LINE + vectorB(item)] = unitB(item);
  }
#endif
}

uint partRow() { return matrixSubgroup() / SUBGROUP_COLUMNS * PART_ROWS; }
uint partColumn() { return matrixSubgroup() % SUBGROUP_COLUMNS * PART_COLUMNS; }

void multiply(uint stageIndex, uint first, uint count) {
  uint a = stageIndex * (A_SIZE + B_SIZE);
  uint b = a + A_SIZE;
  a += A_RUNS_ALONG_K ? partRow() * A_LINE : partRow() / VECTOR;
  b += B_RUNS_ALONG_K ? partColumn() * B_LINE : partColumn() / VECTOR;
  [[unroll]] for (uint k = first; k < first + count; k += MATRIX_K) {
    MatrixA x[FRAGMENT_ROWS];
    [[unroll]] for (uint r = 0; r < FRAGMENT_ROWS; r++) {
      uint row = r * MATRIX_M;
      uint at = A_RUNS_ALONG_K ? row * A_LINE + k / VECTOR : k * A_LINE + row / VECTOR;
      LOAD_MATRIX(x[r], staged, a + at, A_LINE, !A_RUNS_ALONG_K);
    }
    [[unroll]] for (uint c = 0; c < FRAGMENT_COLUMNS; c++) {
      uint column = c * MATRIX_N;
      uint at = B_RUNS_ALONG_K ? column * B_LINE + k / VECTOR : k * B_LINE + column / VECTOR;
      MatrixB w;
      LOAD_MATRIX(w, staged, b + at, B_LINE, B_RUNS_ALONG_K);
      [[unroll]] for (uint r = 0; r < FRAGMENT_ROWS; r++) {
        MULTIPLY_ADD(sums[r * FRAGMENT_COLUMNS + c], x[r], w);
      }
    }
  }
}

// Stores what lies in shared memory of row r of a subgroup's fragments.
void storeLine(
    Epilogue e, Block block, uint offset, uint rowStride, uint rows, uint columns, uint r) {
  uint first = matrixSubgroup() * (16 * RESULT_LINE);
  bool isAligned = ((offset | rowStride | columns) & 7u) == 0;
  for (uint i = matrixLane(); i < MATRIX_M * (PART_COLUMNS / 8); i += SUBGROUP) {
    uint line = i / (PART_COLUMNS / 8), octet = i % (PART_COLUMNS / 8);
    uint row = block.row + partRow() + r * MATRIX_M + line;
    uint column = block.column + partColumn() + 8 * octet;
    uint at = first + line * RESULT_LINE + 2 * octet;
    vec4 low = uintBitsToFloat(resultQuad(at)), high = uintBitsToFloat(resultQuad(at + 1));
    if (row < rows && column < columns) {
      storeEight(e, offset + row * rowStride, column, columns, isAligned, low, high);
    }
  }
}

#define STORE_FRAGMENT(r, c)                                                     \
  STORE_MATRIX(sums[(r) * FRAGMENT_COLUMNS + (c)], results,                      \
      (matrixSubgroup() * (16 * RESULT_LINE) + (c) * (MATRIX_N / 4)) * RESULT_UNITS, \
      RESULT_LINE * RESULT_UNITS);
#define STORE_LINE(r)                                                            \
  REPEAT_WITHIN(FRAGMENT_COLUMNS, STORE_FRAGMENT, r)                             \
  syncSubgroup();                                                                \
  storeLine(e, block, offset, rowStride, rows, columns, r);                      \
  syncSubgroup();

// y at offset + row * rowStride + column: each subgroup on its own, a row of fragments at a time.
void storeBlock(Epilogue e, Block block, uint offset, uint rowStride, uint rows, uint columns) {
  barrier();
  REPEAT(FRAGMENT_ROWS, STORE_LINE)
}

#endif
