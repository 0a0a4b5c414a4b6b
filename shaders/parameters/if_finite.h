#include "common.h"

// Scalars.
PARAMETERS(IfFiniteParameters) {
  ADDRESS probe;
  ADDRESS a;
  ADDRESS b;
  ADDRESS y;
} END_PARAMETERS(IfFiniteParameters);
