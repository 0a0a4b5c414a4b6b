#include "common.h"

// y = a (op) b: [outer, middle, inner] with b [outer, 1, inner], or five dimensions with strides of b.
PARAMETERS(BroadcastParameters) {
  ADDRESS a;
  ADDRESS b;
  ADDRESS y;
  UINT count;
  UINT inner;
  UINT middle;
  UINT size1;
  UINT size2;
  UINT size3;
  UINT size4;
  UINT stride0;
  UINT stride1;
  UINT stride2;
  UINT stride3;
  UINT stride4;
} END_PARAMETERS(BroadcastParameters);
