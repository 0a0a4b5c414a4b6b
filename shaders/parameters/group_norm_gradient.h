#include "common.h"

// As group_norm.h; sums [samples, parts, channels, 2] of (dz h, dz), placesOfPart places in a part.
PARAMETERS(GroupNormGradientParameters) {
  ADDRESS x;
  ADDRESS weight;
  ADDRESS bias;
  ADDRESS mean;
  ADDRESS rstd;
  ADDRESS dy;
  ADDRESS dx;
  ADDRESS sums;
  UINT samples;
  UINT places;
  UINT groups;
  UINT width;
  UINT parts;
  UINT placesOfPart;
} END_PARAMETERS(GroupNormGradientParameters);
