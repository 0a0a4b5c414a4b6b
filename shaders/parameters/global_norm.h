#include "common.h"

// Squares of up to ten runs of memory, count elements each, to sums [parts].
PARAMETERS(GlobalNormSumsParameters) {
  ADDRESS sums;
  ADDRESS x[10];
  UINT count[10];
} END_PARAMETERS(GlobalNormSumsParameters);
