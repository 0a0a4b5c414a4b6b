#include "common.h"

// Logarithms are natural.
PARAMETERS(ProdigyDistanceParameters) {
  ADDRESS learningRate;
  ADDRESS step;
  ADDRESS scale;
  ADDRESS sums;
  ADDRESS control;
  ADDRESS controlOut;
  ADDRESS steps;
  UINT correctsBias;
  FLOAT logBeta1;
  FLOAT logBeta2;
  FLOAT beta3;
  FLOAT d0;
  FLOAT dCoefficient;
  FLOAT epsilon;
} END_PARAMETERS(ProdigyDistanceParameters);
