#include "common.h"

// x, y [samples, places, channels]; mean, rstd [samples, groups]; width channels in a group.
PARAMETERS(GroupNormParameters) {
  ADDRESS x;
  ADDRESS weight;
  ADDRESS bias;
  ADDRESS y;
  ADDRESS mean;
  ADDRESS rstd;
  UINT samples;
  UINT places;
  UINT groups;
  UINT width;
  FLOAT epsilon;
} END_PARAMETERS(GroupNormParameters);
