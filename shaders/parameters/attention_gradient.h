#include "common.h"

// Shapes as in attention.h; `first` and `second` are dq, or dk and dv.
PARAMETERS(AttentionGradientParameters) {
  ADDRESS q;
  ADDRESS k;
  ADDRESS v;
  ADDRESS dO;
  ADDRESS logSumExp;
  ADDRESS delta;
  ADDRESS first;
  ADDRESS second;
  UINT samples;
  UINT heads;
  UINT queries;
  UINT keys;
  FLOAT scale;
} END_PARAMETERS(AttentionGradientParameters);
