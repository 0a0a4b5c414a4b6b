#include "common.h"

// count = N * (dimension / 2) angles; logarithm = -ln(maxPeriod).
PARAMETERS(TimestepEmbeddingParameters) {
  ADDRESS t;
  ADDRESS y;
  UINT count;
  UINT dimension;
  FLOAT logarithm;
} END_PARAMETERS(TimestepEmbeddingParameters);
