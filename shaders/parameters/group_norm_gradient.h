#include "common.h"

// As group_norm.h, width in Values; sums [samples, parts, channels, 2] of (dz h, dz), placesOfPart
// places in a part; dweight, dbias [channels]; residual as
// dx, 0 when there is none.
PARAMETERS(GroupNormGradientParameters) {
  ADDRESS x;
  ADDRESS weight;
  ADDRESS bias;
  ADDRESS mean;
  ADDRESS rstd;
  ADDRESS dy;
  ADDRESS residual;
  ADDRESS dx;
  ADDRESS dweight;
  ADDRESS dbias;
  ADDRESS sums;
  UINT samples;
  UINT places;
  UINT groups;
  UINT width;
  UINT parts;
  UINT placesOfPart;
} END_PARAMETERS(GroupNormGradientParameters);
