#include "common.h"

// y[i] = x[i] for i < count.
PARAMETERS(CopyParameters) {
  ADDRESS x;
  ADDRESS y;
  UINT count;
} END_PARAMETERS(CopyParameters);
