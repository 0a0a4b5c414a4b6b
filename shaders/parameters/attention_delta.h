#include "common.h"

// delta = sum over the head's width of o dO, minus dLogSumExp; shapes as in attention.h.
PARAMETERS(AttentionDeltaParameters) {
  ADDRESS o;
  ADDRESS dO;
  ADDRESS dLogSumExp;
  ADDRESS delta;
  UINT samples;
  UINT heads;
  UINT queries;
  UINT width;
} END_PARAMETERS(AttentionDeltaParameters);
