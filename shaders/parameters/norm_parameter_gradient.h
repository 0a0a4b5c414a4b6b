#include "common.h"

// sums [rows, channels, 2]; dweight, dbias [channels].
PARAMETERS(NormParameterGradientParameters) {
  ADDRESS sums;
  ADDRESS dweight;
  ADDRESS dbias;
  UINT rows;
  UINT channels;
} END_PARAMETERS(NormParameterGradientParameters);
