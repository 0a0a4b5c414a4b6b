#include "common.h"

// Scalars of an update; a negative maximum clips nothing.
PARAMETERS(ClipControlParameters) {
  ADDRESS norm;
  ADDRESS step;
  ADDRESS scale;
  ADDRESS nextStep;
  FLOAT maximum;
} END_PARAMETERS(ClipControlParameters);
