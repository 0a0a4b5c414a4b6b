#include "common.h"

// Attention and its gradient; a kernel reads what it needs. N samples, T queries, S keys,
// `heads` heads of D; q, o, dO, dq [N, T, heads D]; k, v, dk, dv [N, S, heads D]; logSumExp, delta,
// dLogSumExp f32 [N, heads, T]. Sums in progress are kept in f32: in the result itself if that is
// f32, else in scratch memory of the same shape.
PARAMETERS(AttentionParameters) {
  ADDRESS q;
  ADDRESS k;
  ADDRESS v;
  ADDRESS o;
  ADDRESS logSumExp;
  ADDRESS dO;
  ADDRESS dLogSumExp;
  ADDRESS delta;
  ADDRESS dq;
  ADDRESS dk;
  ADDRESS dv;
  ADDRESS sums;
  ADDRESS sums2;
  UINT samples;
  UINT queries;
  UINT keys;
  UINT packedHeads;
  UINT isCausal;
  FLOAT scale;
} END_PARAMETERS(AttentionParameters);
