#include "common.h"

// weight1 = 1 - beta1, weight2 = 1 - beta2; logarithms are natural. Table: optimizer/tensors.glsl;
// sums: two for each workgroup.
PARAMETERS(ProdigyMomentsParameters) {
  ADDRESS table;
  ADDRESS learningRate;
  ADDRESS step;
  ADDRESS scale;
  ADDRESS control;
  ADDRESS sums;
  UINT entryWords;
  UINT tensors;
  UINT groups;
  UINT correctsBias;
  UINT safeguardsWarmup;
  FLOAT logBeta1;
  FLOAT logBeta2;
  FLOAT weight1;
  FLOAT beta2;
  FLOAT weight2;
  FLOAT beta3;
  FLOAT d0;
} END_PARAMETERS(ProdigyMomentsParameters);
