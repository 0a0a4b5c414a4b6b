#include "common.h"

// x, y [samples, places, channels]; mean, rstd [samples, groups]; width channels in a group. Norms by rows
// also take sums [samples, parts, channels, 2] of (x - center, its square), placesOfPart places in a part,
// center the sample's first value in that channel.
PARAMETERS(GroupNormParameters) {
  ADDRESS x;
  ADDRESS weight;
  ADDRESS bias;
  ADDRESS y;
  ADDRESS mean;
  ADDRESS rstd;
  ADDRESS sums;
  UINT samples;
  UINT places;
  UINT groups;
  UINT width;
  UINT parts;
  UINT placesOfPart;
  FLOAT epsilon;
} END_PARAMETERS(GroupNormParameters);
