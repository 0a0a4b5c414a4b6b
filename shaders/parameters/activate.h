#include "common.h"

// y[i] = activation(x[i]), or its derivative times dy[i], for i < count.
PARAMETERS(ActivateParameters) {
  ADDRESS x;
  ADDRESS dy;
  ADDRESS y;
  UINT count;
} END_PARAMETERS(ActivateParameters);
