#include "common.h"

// z = c[n, 0] x + c[n, 1] y over count elements, size for each sample n.
PARAMETERS(MixParameters) {
  ADDRESS x;
  ADDRESS y;
  ADDRESS coefficients;
  ADDRESS z;
  UINT count;
  UINT size;
} END_PARAMETERS(MixParameters);
