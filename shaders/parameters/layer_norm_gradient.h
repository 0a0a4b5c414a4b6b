#include "common.h"

// As layer_norm.h; sums [parts, width, 2] of (dy h, dy), rowsOfPart rows in a part;
// residual as dx, 0 when there is none.
PARAMETERS(LayerNormGradientParameters) {
  ADDRESS x;
  ADDRESS weight;
  ADDRESS mean;
  ADDRESS rstd;
  ADDRESS dy;
  ADDRESS residual;
  ADDRESS dx;
  ADDRESS sums;
  UINT rows;
  UINT width;
  UINT parts;
  UINT rowsOfPart;
} END_PARAMETERS(LayerNormGradientParameters);
