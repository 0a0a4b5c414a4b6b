// The block of y of a workgroup on GPUs without matrix units: operands go through shared memory as f32,
// and every invocation sums ROWS rows x COLUMNS columns in registers. Where they are read along k, shared
// memory keeps k together too, and an invocation takes four values of it at a time.
//
// An invocation's rows and columns come in quads, which alternate with those of the invocations beside
// it. A line of shared memory has four values of padding, and the lines of columns are shuffled, so that
// neighbours read from different banks.
//
// Macros: FORM, BLOCK_ROWS, BLOCK_COLUMNS, DEPTH, ROWS, COLUMNS, VECTOR, STAGES; THREADS must be
// (BLOCK_ROWS / ROWS) * (BLOCK_COLUMNS / COLUMNS).
#ifndef PRODUCT_SHARED_TILE_GLSL
#define PRODUCT_SHARED_TILE_GLSL
#include "product/staging.glsl"

const uint QUADS = COLUMNS / 4;
const uint LANE_ROWS = BLOCK_ROWS / ROWS;
const uint LANE_COLUMNS = BLOCK_COLUMNS / COLUMNS;
// In quads.
const uint A_LINE = A_ALONG / 4 + 1;
const uint B_LINE = B_ALONG / 4 + 1;
const uint A_SIZE = A_LINES * A_LINE;
const uint B_SIZE = B_LINES * B_LINE;

#if FORM == 0
shared float tileA[STAGES * A_SIZE * 4];
shared float tileB[STAGES * B_SIZE * 4];
vec4 quadA(uint i) {
  return vec4(tileA[4 * i], tileA[4 * i + 1], tileA[4 * i + 2], tileA[4 * i + 3]);
}
vec4 quadB(uint i) {
  return vec4(tileB[4 * i], tileB[4 * i + 1], tileB[4 * i + 2], tileB[4 * i + 3]);
}
#else
shared vec4 tileA[STAGES * A_SIZE];
shared vec4 tileB[STAGES * B_SIZE];
vec4 quadA(uint i) { return tileA[i]; }
vec4 quadB(uint i) { return tileB[i]; }
#endif

vec4 sums[ROWS][QUADS];

void clearSums() {
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    [[unroll]] for (uint q = 0; q < QUADS; q++) sums[r][q] = vec4(0);
  }
}

uint laneRow() { return gl_LocalInvocationIndex / LANE_COLUMNS; }
uint laneColumn() { return gl_LocalInvocationIndex % LANE_COLUMNS; }

// The line of a row or column that is read along k: the elements of an invocation's quads lie
// `lanes` lines apart, those of neighbouring invocations side by side.
uint shuffled(uint i, uint lanes) { return (i / (4 * lanes) * 4 + i % 4) * lanes + i / 4 % lanes; }

void stage(uint stageIndex) {
  [[unroll]] for (uint item = 0; item < A_ITEMS; item++) {
    if (hasA(item)) {
      uint line = FORM == 3 ? lineA(item) : shuffled(lineA(item), LANE_ROWS);
      uint at = stageIndex * A_SIZE + line * A_LINE;
#if FORM == 0
      tileA[4 * at + vectorA(item)] = numbersA(item, 0).x;
#else
      at += vectorA(item) * (VECTOR / 4);
      [[unroll]] for (uint v = 0; v < VECTOR / 4; v++) tileA[at + v] = numbersA(item, 4 * v);
#endif
    }
  }
  [[unroll]] for (uint item = 0; item < B_ITEMS; item++) {
    if (hasB(item)) {
      uint line = FORM >= 2 ? lineB(item) : shuffled(lineB(item), LANE_COLUMNS);
      uint at = stageIndex * B_SIZE + line * B_LINE;
#if FORM == 0
      tileB[4 * at + vectorB(item)] = numbersB(item, 0).x;
#else
      at += vectorB(item) * (VECTOR / 4);
      [[unroll]] for (uint v = 0; v < VECTOR / 4; v++) tileB[at + v] = numbersB(item, 4 * v);
#endif
    }
  }
}

float multiplyAdd(vec4 x, vec4 w, float sum) {
  sum = fma(x.x, w.x, sum);
  sum = fma(x.y, w.y, sum);
  sum = fma(x.z, w.z, sum);
  return fma(x.w, w.w, sum);
}

// All of the block: `first` and `count` do not matter.
void multiply(uint stageIndex, uint, uint) {
  uint a = stageIndex * A_SIZE, b = stageIndex * B_SIZE;
#if FORM == 3
  a += laneRow();
  b += laneColumn();
  for (uint first = 0; first < DEPTH; first += 4) {
    [[unroll]] for (uint i = 0; i < 4; i++) {
      uint k = first + i;
      vec4 x[ROWS / 4];
      [[unroll]] for (uint r = 0; r < ROWS / 4; r++) x[r] = quadA(a + k * A_LINE + r * LANE_ROWS);
      [[unroll]] for (uint q = 0; q < QUADS; q++) {
        vec4 w = quadB(b + k * B_LINE + q * LANE_COLUMNS);
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
          sums[r][q] = fma(vec4(x[r / 4][r % 4]), w, sums[r][q]);
        }
      }
    }
  }
#else
  a += laneRow() * A_LINE;
  b += FORM == 2 ? laneColumn() : laneColumn() * B_LINE;
  for (uint k = 0; k < DEPTH / 4; k++) {
    vec4 x[ROWS];
    [[unroll]] for (uint r = 0; r < ROWS; r++) x[r] = quadA(a + r * LANE_ROWS * A_LINE + k);
    [[unroll]] for (uint q = 0; q < QUADS; q++) {
      [[unroll]] for (uint j = 0; j < 4; j++) {
#if FORM == 2
        vec4 w = quadB(b + (4 * k + j) * B_LINE + q * LANE_COLUMNS);
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
          sums[r][q] = fma(vec4(x[r][j]), w, sums[r][q]);
        }
#else
        vec4 w = quadB(b + (4 * q + j) * LANE_COLUMNS * B_LINE + k);
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
          sums[r][q][j] = multiplyAdd(x[r], w, sums[r][q][j]);
        }
#endif
      }
    }
  }
#endif
}

// y at offset + row * rowStride + column. A loop that picks its row by comparing: code for all rows
// takes longer to compile than the rest of the kernel.
void storeBlock(Epilogue e, Block block, uint offset, uint rowStride, uint rows, uint columns) {
  for (uint r = 0; r < ROWS; r++) {
    uint row = block.row + 4 * (laneRow() + LANE_ROWS * (r / 4)) + r % 4;
    if (row < rows) {
      [[unroll]] for (uint q = 0; q < QUADS; q++) {
        vec4 value = sums[0][q];
        [[unroll]] for (uint i = 1; i < ROWS; i++) value = r == i ? sums[i][q] : value;
        uint column = block.column + 4 * (laneColumn() + LANE_COLUMNS * q);
        storeSums(e, offset + row * rowStride, column, columns, value);
      }
    }
  }
}

#endif
