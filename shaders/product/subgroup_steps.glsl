// A step of k in which the LANES lanes of a subgroup share ROWS rows: each lane loads a part of them,
// two values of the contiguous dimension, and hands it to the others (subgroupBroadcast). The variant
// for CPUs, where a load is a gather however little it brings and a broadcast with a constant lane is
// one instruction. All lanes must stand along the columns (2^laneShift = LANES). Part of tile.glsl.
#include "product/shared_loads.glsl"
PAIR_ACCESS(A, STORAGE_A)

// Values of k that are multiplied together, so that a sum, which lies in memory on a CPU, is read and
// written once for all of them.
const uint BLOCK = 4;

// Values of k that one step takes, and steps of one turn of the loop.
#if FORM == 3
const uint STEP = 1;
const uint TURN = 2 * LANES;
#else
const uint STEP = 2 * LANES;
const uint TURN = 1;
#endif

#if FORM == 3
const uint PARTS = (ROWS + 2 * LANES - 1) / (2 * LANES);
vec2 blockRows[BLOCK][PARTS];
vec4 blockColumns[BLOCK][QUADS];
#ifdef ROW_SUMS
// Sums over k of the rows of a that the lane loads, whatever the columns of b count as.
vec2 rowSums[PARTS];
bool stepInside;  // whether there is this value of k

void clearRowSums() {
  [[unroll]] for (uint part = 0; part < PARTS; part++) rowSums[part] = vec2(0);
}

// Stores them where they are sums of rows inside, by the first columns' workgroups of the first result.
void storeRowSums(uint64_t y, Place at, uint rows) {
  if (at.copy != 0 || at.column >= COLUMNS * LANES) return;
  [[unroll]] for (uint part = 0; part < PARTS; part++) {
    uint own = part * 2 * LANES + 2 * gl_SubgroupInvocationID;
    [[unroll]] for (uint i = 0; i < 2; i++) {
      if (own < ROWS && at.row + own < rows) storeBias(y, at.row + own + i, rowSums[part][i]);
    }
  }
}
#endif

void addBlock() {
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint part = r / (2 * LANES);
    float value[BLOCK];
    [[unroll]] for (uint i = 0; i < BLOCK; i++) {
      value[i] = subgroupBroadcast(blockRows[i][part][r % 2], r % (2 * LANES) / 2);
    }
    [[unroll]] for (uint q = 0; q < QUADS; q++) {
      [[unroll]] for (uint i = 0; i < BLOCK; i++) sums[r][q] += value[i] * blockColumns[i][q];
    }
  }
}
#endif

// Adds min(STEP, left) values of k, which start `aFirst` and `bFirst` elements after the rows' and
// columns' offsets; in FORM 2 b's next k is `bStep` elements on. Values that are not there, and rows or
// columns that count as zeros, are zeros in a; b is then read at a place inside.
void addStep(uint64_t a, uint aFirst, uint64_t b, uint bFirst, uint bStep, uint left, uint turn) {
  uint own = 2 * gl_SubgroupInvocationID;
#if FORM == 3
  uint slot = turn % BLOCK;
  [[unroll]] for (uint q = 0; q < QUADS; q++) {
    blockColumns[slot][q] = loadQuadB(b, columnOffset[q] + bFirst);
  }
  [[unroll]] for (uint part = 0; part < PARTS; part++) {
    vec2 x = loadPairA(a, rowOffset[part] + aFirst);
#ifdef ROW_SUMS
    rowSums[part] += stepInside ? x : vec2(0);
#endif
    blockRows[slot][part] = MASKED_COLUMNS && !columnsInside ? vec2(0) : x;
  }
  if (slot == BLOCK - 1) addBlock();
#else
  bool isThere = own < left;
  uint place = aFirst + (isThere ? own : 0);
  vec2 x[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    x[r] = loadPairA(a, rowOffset[r] + place);
    bool isInside = MASKED_ROWS ? isThere && rowInside[r] : isThere;
    x[r] = isInside ? x[r] : vec2(0);
  }
#if FORM == 1
  uint last = min(left, STEP) - 4;
  uint64_t columnBase[COLUMNS];
  [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
    columnBase[c] = b + BYTES_B * uint64_t(columnOffset[c] + bFirst);
  }
  [[unroll]] for (uint k = 0; k < STEP; k += 4) {
    uint64_t first = BYTES_B * uint64_t(min(k, last));
    vec4 w[COLUMNS];
    [[unroll]] for (uint c = 0; c < COLUMNS; c++) w[c] = loadQuadB(columnBase[c] + first, 0);
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      vec4 value;
      [[unroll]] for (uint i = 0; i < 4; i++) value[i] = subgroupBroadcast(x[r][i % 2], (k + i) / 2);
      [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
        [[unroll]] for (uint i = 0; i < 4; i++) sums[r][c / 4][c % 4] += value[i] * w[c][i];
      }
    }
  }
#else
  uint64_t quadBase[QUADS];
  [[unroll]] for (uint q = 0; q < QUADS; q++) {
    quadBase[q] = b + BYTES_B * uint64_t(columnOffset[q] + bFirst);
  }
  uint last = min(left, STEP) - 1;
  [[unroll]] for (uint k = 0; k < STEP; k += BLOCK) {
    vec4 w[BLOCK][QUADS];
    [[unroll]] for (uint i = 0; i < BLOCK; i++) {
      uint64_t first = BYTES_B * uint64_t(min(k + i, last) * bStep);
      [[unroll]] for (uint q = 0; q < QUADS; q++) w[i][q] = loadQuadB(quadBase[q] + first, 0);
    }
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      float value[BLOCK];
      [[unroll]] for (uint i = 0; i < BLOCK; i++) {
        value[i] = subgroupBroadcast(x[r][i % 2], (k + i) / 2);
      }
      [[unroll]] for (uint q = 0; q < QUADS; q++) {
        [[unroll]] for (uint i = 0; i < BLOCK; i++) sums[r][q] += value[i] * w[i][q];
      }
    }
  }
#endif
#endif
}

// Offsets for rows `stride` elements apart.
void setRows(Place at, uint rows, uint stride) {
#if FORM == 3
  uint own = 2 * gl_SubgroupInvocationID;
  [[unroll]] for (uint part = 0; part < ROWS; part += 2 * LANES) {
    rowOffset[part / (2 * LANES)] = min(at.row + part + own, rows - 2) * stride;
  }
#else
  [[unroll]] for (uint r = 0; r < ROWS; r++) rowOffset[r] = min(at.row + r, rows - 1) * stride;
#endif
}

// Offsets for columns `stride` elements apart.
void setColumns(Place at, uint columns, uint stride) {
#if FORM == 1
  [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
    columnOffset[c] = min(at.column + c / 4 * at.columnStep + c % 4, columns - 1) * stride;
  }
#else
  [[unroll]] for (uint q = 0; q < QUADS; q++) {
    columnOffset[q] = min(at.column + q * at.columnStep, columns - 4) * stride;
  }
#endif
}

#ifdef PANELS
// The same for operands in panels (product/panels.comp) of `panel` rows or columns, each with `depth`
// values of k: FORM 3, and columns of FORM 2.
uint panelOffset(uint i, uint panel, uint depth) { return i / panel * panel * depth + i % panel; }

void setRowPanels(Place at, uint rows, uint panel, uint depth) {
  uint own = 2 * gl_SubgroupInvocationID;
  [[unroll]] for (uint part = 0; part < ROWS; part += 2 * LANES) {
    rowOffset[part / (2 * LANES)] = panelOffset(min(at.row + part + own, rows - 2), panel, depth);
  }
}

void setColumnPanels(Place at, uint columns, uint panel, uint depth) {
  [[unroll]] for (uint q = 0; q < QUADS; q++) {
    uint column = min(at.column + q * at.columnStep, columns - 4);
    columnOffset[q] = panelOffset(column, panel, depth);
  }
}
#endif
