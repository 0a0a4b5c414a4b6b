// The tile of y behind matrix products and convolutions: an invocation sums ROWS rows x COLUMNS columns
// in registers, fully unrolled, without shared memory or barriers.
//
// The lanes of a workgroup stand side by side, 2^laneShift along the columns and the others along the
// rows. An invocation's rows are neighbours; its columns come in quads that alternate with those of
// the lanes beside it, so that neighbours touch neighbouring memory. Loads are of the contiguous
// dimension:
//
//   FORM 1   a [M, K], b [N, K]: along k in both
//   FORM 2   a [M, K], b [K, N]: along k in a, along n in b
//   FORM 3   a [K, M], b [K, N]: along m in a, along n in b
//   FORM 0   any strides, one element at a time, for sizes that are no multiples of 4
//
// Rows and columns outside y are clamped to the last ones inside and not stored. A kernel sets the
// offsets below, calls `addStep` in one loop over k, then `storeTile`. Two variants say what a step is:
// every lane loads all it needs (register_steps.glsl), or, with LANES, the lanes share rows and hand
// them round (subgroup_steps.glsl).
#ifndef PRODUCT_TILE_GLSL
#define PRODUCT_TILE_GLSL
// First of all: before this declaration gl_WorkGroupSize silently stands for 1.
layout(local_size_x_id = 0) in;
#include "common/index.glsl"
#include "product/epilogue.glsl"

const uint QUADS = COLUMNS / 4;
const uint BYTES_A = STORAGE_A == 0 ? 4 : 2;
const uint BYTES_B = STORAGE_B == 0 ? 4 : 2;

QUAD_ACCESS(A, STORAGE_A)
QUAD_ACCESS(B, STORAGE_B)

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

#ifdef LANES
#include "product/subgroup_steps.glsl"
#else
#include "product/register_steps.glsl"
#endif

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
      storeSums(e, first, at.column + q * at.columnStep, columns, value);
    }
  }
}

#endif
