#include "common.h"

// weight1 = 1 - beta1, weight2 = 1 - beta2; logarithms are natural.
PARAMETERS(AdamWParameters) {
  ADDRESS learningRate;
  ADDRESS step;
  ADDRESS scale;
  ADDRESS parameter;
  ADDRESS gradient;
  ADDRESS m;
  ADDRESS v;
  ADDRESS parameterOut;
  ADDRESS mOut;
  ADDRESS vOut;
  UINT count;
  FLOAT logBeta1;
  FLOAT logBeta2;
  FLOAT weight1;
  FLOAT beta2;
  FLOAT weight2;
  FLOAT epsilon;
  FLOAT weightDecay;
} END_PARAMETERS(AdamWParameters);
