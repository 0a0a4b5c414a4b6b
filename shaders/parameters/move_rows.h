#include "common.h"

// y[row, start + j] = x[row, j + shift] for j < run; count = rows * run.
PARAMETERS(MoveRowsParameters) {
  ADDRESS x;
  ADDRESS y;
  UINT count;
  UINT run;
  UINT sourceRun;
  UINT targetRun;
  UINT start;
  INT shift;
} END_PARAMETERS(MoveRowsParameters);
