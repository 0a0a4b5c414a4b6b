// A step of k in which every lane loads all it needs, in quads, and reuses each load ROWS or COLUMNS
// times: the variant for devices whose subgroup operations are slow, and for sizes that fit no quads
// (FORM 0). Part of tile.glsl.

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
// offsets; in FORM 2 b's next k is `bStep` elements on. All are there (`left` >= STEP).
void addStep(uint64_t a, uint aFirst, uint64_t b, uint bFirst, uint bStep, uint left, uint turn) {
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
