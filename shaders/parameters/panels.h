#include "common.h"

// y[n, c / width, r, c % width] = x[n, r, c], in units of 8 bytes: columns of a row and of a panel.
// rowsOfPart rows in each of `parts` parts.
PARAMETERS(PanelsParameters) {
  ADDRESS x;
  ADDRESS y;
  UINT copies;
  UINT rows;
  UINT columns;
  UINT width;
  UINT parts;
  UINT rowsOfPart;
} END_PARAMETERS(PanelsParameters);
