#include "common.h"

// y[i] = min(max(x[i], low), high); with dy not 0, y[i] = dy[i] where low <= x[i] <= high, else 0.
PARAMETERS(ClampParameters) {
  ADDRESS x;
  ADDRESS dy;
  ADDRESS y;
  UINT count;
  FLOAT low;
  FLOAT high;
} END_PARAMETERS(ClampParameters);
