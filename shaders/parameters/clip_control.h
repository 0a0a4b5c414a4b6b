#include "common.h"

// Scalars of an update; a negative maximum clips nothing. From lossScale on: loss scaling only.
PARAMETERS(ClipControlParameters) {
  ADDRESS norm;
  ADDRESS step;
  ADDRESS scale;
  ADDRESS nextStep;
  ADDRESS lossScale;
  ADDRESS goodSteps;
  ADDRESS trueNorm;
  ADDRESS nextLossScale;
  ADDRESS nextGoodSteps;
  FLOAT maximum;
  FLOAT growthInterval;
  FLOAT least;
  FLOAT most;
} END_PARAMETERS(ClipControlParameters);
