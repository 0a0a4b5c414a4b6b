#include "common.h"

// count = N * blocks blocks of four numbers; size numbers for each of the N keys.
PARAMETERS(PhiloxNormalParameters) {
  ADDRESS keys;
  ADDRESS y;
  UINT count;
  UINT blocks;
  UINT size;
} END_PARAMETERS(PhiloxNormalParameters);
