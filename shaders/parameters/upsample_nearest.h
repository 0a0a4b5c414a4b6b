#include "common.h"

// count, width and channels of the smaller tensor.
PARAMETERS(UpsampleNearestParameters) {
  ADDRESS x;
  ADDRESS y;
  UINT count;
  UINT width;
  UINT channels;
} END_PARAMETERS(UpsampleNearestParameters);
