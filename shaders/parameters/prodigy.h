#include "common.h"

// Table: optimizer/tensors.glsl.
PARAMETERS(ProdigyParameters) {
  ADDRESS table;
  ADDRESS steps;
  ADDRESS step;
  UINT entryWords;
  UINT tensors;
  UINT groups;
  UINT seedLow;
  UINT seedHigh;
  FLOAT weightDecay;
} END_PARAMETERS(ProdigyParameters);
