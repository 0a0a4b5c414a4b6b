#include "common.h"

// y[i] = sum over j < ACCUMULATORS of a_j for i < count, see bench/multiply_add.comp.
PARAMETERS(MultiplyAddParameters) {
  ADDRESS x;
  ADDRESS y;
  UINT count;
  UINT rounds;
  FLOAT factor;
  FLOAT addend;
} END_PARAMETERS(MultiplyAddParameters);
