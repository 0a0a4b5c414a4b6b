#include "common.h"

// y[i] = factor x[i] for i < count.
PARAMETERS(ScaleParameters) {
  ADDRESS x;
  ADDRESS y;
  UINT count;
  FLOAT factor;
} END_PARAMETERS(ScaleParameters);
