#include "common.h"

// weight1 = 1 - beta1, weight2 = 1 - beta2; logarithms are natural. Table: optimizer/tensors.glsl.
PARAMETERS(AdamWParameters) {
  ADDRESS table;
  ADDRESS learningRate;
  ADDRESS step;
  ADDRESS scale;
  UINT entryWords;
  UINT tensors;
  UINT groups;
  UINT seedLow;
  UINT seedHigh;
  FLOAT logBeta1;
  FLOAT logBeta2;
  FLOAT weight1;
  FLOAT beta2;
  FLOAT weight2;
  FLOAT epsilon;
  FLOAT weightDecay;
} END_PARAMETERS(AdamWParameters);
