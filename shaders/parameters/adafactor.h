#include "common.h"

// Of every launch of Adafactor. Table: optimizer/adafactor.glsl.
PARAMETERS(AdafactorParameters) {
  ADDRESS table;
  ADDRESS learningRate;
  ADDRESS step;
  ADDRESS scale;
  UINT entryWords;
  UINT tensors;
  UINT groups;
  UINT seedLow;
  UINT seedHigh;
  FLOAT decayExponent;
  FLOAT clipThreshold;
  FLOAT weightDecay;
} END_PARAMETERS(AdafactorParameters);
