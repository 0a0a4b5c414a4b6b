#include "common.h"

// weight1 = 1 - beta1, weight2 = 1 - beta2. Table: optimizer/tensors.glsl.
PARAMETERS(LionParameters) {
  ADDRESS table;
  ADDRESS learningRate;
  ADDRESS step;
  ADDRESS scale;
  UINT entryWords;
  UINT tensors;
  UINT groups;
  UINT seedLow;
  UINT seedHigh;
  FLOAT weight1;
  FLOAT weight2;
  FLOAT weightDecay;
} END_PARAMETERS(LionParameters);
