#include "common.h"

// y = sums of count pairs.
PARAMETERS(ProdigySumsParameters) {
  ADDRESS sums;
  ADDRESS y;
  UINT count;
} END_PARAMETERS(ProdigySumsParameters);
