#include "common.h"

// y[a, part, c] = sum of x[a, r, c] over rowsOfPart rows; row sums have no columns.
PARAMETERS(SumToParameters) {
  ADDRESS x;
  ADDRESS y;
  UINT outer;
  UINT rows;
  UINT columns;
  UINT parts;
  UINT rowsOfPart;
} END_PARAMETERS(SumToParameters);
