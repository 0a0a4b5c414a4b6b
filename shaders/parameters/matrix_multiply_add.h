#include "common.h"

// y f32 [count, CHAINS]; rounds turns of the loop, of 4 products for each chain; the 16 bits of the
// elements of A and B.
PARAMETERS(MatrixMultiplyAddParameters) {
  ADDRESS y;
  UINT count;
  UINT rounds;
  UINT aBits;
  UINT bBits;
} END_PARAMETERS(MatrixMultiplyAddParameters);
