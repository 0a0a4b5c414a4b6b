#include "common.h"

// y[i] = activation(scale * sum over s < splits of partials[s count + i] + bias[i % columns])
//   + residual[i] for i < count.
PARAMETERS(SumPartialsParameters) {
  ADDRESS partials;
  ADDRESS y;
  ADDRESS bias;
  ADDRESS residual;
  UINT count;
  UINT columns;
  UINT splits;
  FLOAT scale;
} END_PARAMETERS(SumPartialsParameters);
