#include "common.h"

// x, y [rows, width]; mean, rstd [rows].
PARAMETERS(LayerNormParameters) {
  ADDRESS x;
  ADDRESS weight;
  ADDRESS bias;
  ADDRESS y;
  ADDRESS mean;
  ADDRESS rstd;
  UINT rows;
  UINT width;
  FLOAT epsilon;
} END_PARAMETERS(LayerNormParameters);
