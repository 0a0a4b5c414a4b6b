#include "common.h"

// sums [rows, channels, 2]; dweight, dbias [channels].
PARAMETERS(LayerNormParameterGradientParameters) {
  ADDRESS sums;
  ADDRESS dweight;
  ADDRESS dbias;
  UINT rows;
  UINT channels;
} END_PARAMETERS(LayerNormParameterGradientParameters);
