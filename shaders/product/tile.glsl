// The register tile behind matrix products and convolutions: an invocation sums ROWS rows x COLUMNS
// columns of y, fully unrolled, without shared memory or barriers.
//
// The lanes of a workgroup stand side by side, 2^laneShift along the columns and the others along the
// rows. An invocation's rows are neighbours; its columns come in quads that alternate with those of
// the lanes beside it, so that neighbours touch neighbouring memory. Loads are quads of the contiguous
// dimension:
//
//   FORM 1   a [M, K], b [N, K]: quads along k in both
//   FORM 2   a [M, K], b [K, N]: quads along k in a, along n in b
//   FORM 3   a [K, M], b [K, N]: quads along m in a, along n in b
//   FORM 0   any strides, one element at a time, for sizes that are no multiples of 4
//
// Rows and columns outside y are clamped to the last ones inside and not stored. A kernel sets the
// offsets below, calls `addStep` in one loop over k, then `storeTile`.
#ifndef PRODUCT_TILE_GLSL
#define PRODUCT_TILE_GLSL
// First of all: before this declaration gl_WorkGroupSize silently stands for 1.
layout(local_size_x_id = 0) in;
#include "common/index.glsl"
#include "product/quad.glsl"
#include "common/activation.glsl"

const uint QUADS = COLUMNS / 4;
const uint BYTES_A = STORAGE_A == 0 ? 4 : 2;
const uint BYTES_B = STORAGE_B == 0 ? 4 : 2;

QUAD_ACCESS(A, STORAGE_A)
QUAD_ACCESS(B, STORAGE_B)
QUAD_ACCESS(Y, STORAGE_Y)
QUAD_ACCESS(Bias, STORAGE_BIAS)
QUAD_ACCESS(Residual, STORAGE_RESIDUAL)

vec4 sums[ROWS][QUADS];
// Element offset in a of each row (FORM 3: of each quad of rows) at k = 0.
uint rowOffset[ROWS];
// Element offset in b of each column (FORM 2 and 3: of each quad of columns) at k = 0.
uint columnOffset[COLUMNS];
#ifndef MASKED_ROWS
#define MASKED_ROWS false
#endif
// Whether a row reads a at all in this step; it counts as zeros if not.
bool rowInside[ROWS];
#ifndef MASKED_COLUMNS
#define MASKED_COLUMNS false
#endif
// The same for the columns of b, all at once.
bool columnsInside;

void clearSums() {
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    [[unroll]] for (uint q = 0; q < QUADS; q++) sums[r][q] = vec4(0);
  }
}

// What a lane of a workgroup works on.
struct Place {
  uint row;         // its first row
  uint column;      // its first column
  uint columnStep;  // from one of its quads of columns to the next
  uint copy;        // which of several results of this size: blocks of rows run first, then columns
};

Place place(uint rows, uint columns, uint laneShift) {
  uint blockRows = (gl_WorkGroupSize.x >> laneShift) * ROWS;
  uint blockColumns = COLUMNS << laneShift;
  uint rowBlocks = (rows + blockRows - 1) / blockRows;
  uint columnBlocks = (columns + blockColumns - 1) / blockColumns;
  uint group = linearGroup();
  uint lane = gl_LocalInvocationIndex;
  Place at;
  at.row = group % rowBlocks * blockRows + (lane >> laneShift) * ROWS;
  at.columnStep = 4u << laneShift;
  at.column = group / rowBlocks % columnBlocks * blockColumns + 4 * (lane & ((1u << laneShift) - 1));
  at.copy = group / (rowBlocks * columnBlocks);
  return at;
}

// Values of k that one step takes, and steps of one turn of the loop: enough work to pay for the
// masked assignment of all sums that a CPU does at its end.
#if FORM == 1 || FORM == 2
const uint STEP = 4;
const uint TURN = 1;
#elif FORM == 3
const uint STEP = 1;
const uint TURN = 4;
#else
const uint STEP = 1;
const uint TURN = 1;
#endif

// Adds STEP values of k, which start `aFirst` and `bFirst` elements after the rows' and columns'
// offsets; in FORM 2 b's next k is `bStep` elements on.
void addStep(uint64_t a, uint aFirst, uint64_t b, uint bFirst, uint bStep) {
#if FORM == 0
  float x[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    x[r] = loadA(a, rowOffset[r] + aFirst);
    if (MASKED_ROWS) x[r] = rowInside[r] ? x[r] : 0.0;
  }
  [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
    float w = loadB(b, columnOffset[c] + bFirst);
    if (MASKED_COLUMNS) w = columnsInside ? w : 0.0;
    [[unroll]] for (uint r = 0; r < ROWS; r++) sums[r][c / 4][c % 4] += x[r] * w;
  }
#elif FORM == 3
  vec4 x[ROWS / 4];
  [[unroll]] for (uint r = 0; r < ROWS / 4; r++) x[r] = loadQuadA(a, rowOffset[r] + aFirst);
  [[unroll]] for (uint q = 0; q < QUADS; q++) {
    vec4 w = loadQuadB(b, columnOffset[q] + bFirst);
    if (MASKED_COLUMNS) w = columnsInside ? w : vec4(0);
    [[unroll]] for (uint r = 0; r < ROWS; r++) sums[r][q] += x[r / 4][r % 4] * w;
  }
#else
  vec4 x[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    x[r] = loadQuadA(a, rowOffset[r] + aFirst);
    if (MASKED_ROWS) x[r] = rowInside[r] ? x[r] : vec4(0);
  }
#if FORM == 1
  [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
    vec4 w = loadQuadB(b, columnOffset[c] + bFirst);
    [[unroll]] for (uint r = 0; r < ROWS; r++) sums[r][c / 4][c % 4] += dot(x[r], w);
  }
#else
  [[unroll]] for (uint k = 0; k < 4; k++) {
    [[unroll]] for (uint q = 0; q < QUADS; q++) {
      vec4 w = loadQuadB(b, columnOffset[q] + bFirst + k * bStep);
      [[unroll]] for (uint r = 0; r < ROWS; r++) sums[r][q] += x[r][k] * w;
    }
  }
#endif
#endif
}

// Offsets for rows `stride` elements apart.
void setRows(Place at, uint rows, uint stride) {
#if FORM == 3
  [[unroll]] for (uint r = 0; r < ROWS / 4; r++) {
    rowOffset[r] = min(at.row + 4 * r, rows - 4) * stride;
  }
#else
  [[unroll]] for (uint r = 0; r < ROWS; r++) rowOffset[r] = min(at.row + r, rows - 1) * stride;
#endif
}

// Offsets for columns `stride` elements apart.
void setColumns(Place at, uint columns, uint stride) {
#if FORM == 2 || FORM == 3
  [[unroll]] for (uint q = 0; q < QUADS; q++) {
    columnOffset[q] = min(at.column + q * at.columnStep, columns - 4) * stride;
  }
#else
  [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
    columnOffset[c] = min(at.column + c / 4 * at.columnStep + c % 4, columns - 1) * stride;
  }
#endif
}

// Where a tile goes and what is added on the way.
struct Epilogue {
  uint64_t y;
  uint64_t bias;      // [columns], 0 when there is none
  uint64_t residual;  // laid out as y, 0 when there is none
  float scale;
};

// y = activation(scale * sums + bias) + residual at offset + row * rowStride + column.
//
// A loop that picks its row by comparing, because code for all rows takes longer to compile than the
// rest of the kernel. (A loop that moves the rows up made lavapipe, Mesa 22.3, put eight branches in
// the place of each assignment to a sum in the main loop: five times slower, seconds to compile.)
void storeTile(Epilogue e, Place at, uint offset, uint rowStride, uint rows, uint columns) {
  uint count = min(rows - min(at.row, rows), ROWS);
  for (uint r = 0; r < count; r++) {
    uint first = offset + (at.row + r) * rowStride;
    [[unroll]] for (uint q = 0; q < QUADS; q++) {
      vec4 value = sums[0][q];
      [[unroll]] for (uint i = 1; i < ROWS; i++) value = r == i ? sums[i][q] : value;
      value *= e.scale;
      uint column = at.column + q * at.columnStep;
#if FORM == 0
      [[unroll]] for (uint j = 0; j < 4; j++) {
        if (column + j < columns) {
          float element = value[j];
          if (e.bias != 0) element += loadBias(e.bias, column + j);
          element = activate(element, ACTIVATION);
          if (e.residual != 0) element += loadResidual(e.residual, first + column + j);
          storeY(e.y, first + column + j, element);
        }
      }
#else
      if (column < columns) {
        if (e.bias != 0) value += loadQuadBias(e.bias, column);
        [[unroll]] for (uint j = 0; j < 4; j++) value[j] = activate(value[j], ACTIVATION);
        if (e.residual != 0) value += loadQuadResidual(e.residual, first + column);
        storeQuadY(e.y, first + column, value);
      }
#endif
    }
  }
}

#endif
