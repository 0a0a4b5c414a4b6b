#include "common.h"

// y = sqrt(sum of count sums).
PARAMETERS(GlobalNormParameters) {
  ADDRESS sums;
  ADDRESS y;
  UINT count;
} END_PARAMETERS(GlobalNormParameters);
