#include "common.h"

// y[i] = value for i < count.
PARAMETERS(FillParameters) {
  ADDRESS y;
  UINT count;
  FLOAT value;
} END_PARAMETERS(FillParameters);
