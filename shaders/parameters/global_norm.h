#include "common.h"

// Squares of tensors to sums [parts]. Table: optimizer/tensors.glsl.
PARAMETERS(GlobalNormSumsParameters) {
  ADDRESS sums;
  ADDRESS table;
  UINT entryWords;
  UINT tensors;
  UINT groups;
} END_PARAMETERS(GlobalNormSumsParameters);
