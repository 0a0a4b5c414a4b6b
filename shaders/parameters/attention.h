#include "common.h"

// Shapes: q, o, do, dq [samples, queries, heads WIDTH]; k, v, dk, dv [samples, keys, heads WIDTH];
// logSumExp, delta, dLogSumExp f32 [samples, heads, queries]. dLogSumExp is 0 when there is none.
PARAMETERS(AttentionParameters) {
  ADDRESS q;
  ADDRESS k;
  ADDRESS v;
  ADDRESS o;
  ADDRESS logSumExp;
  UINT samples;
  UINT heads;
  UINT queries;
  UINT keys;
  FLOAT scale;
} END_PARAMETERS(AttentionParameters);
