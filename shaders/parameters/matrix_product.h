#include "common.h"

// y[b, m, n] = activation(scale * sum over k of a[b aBatch + m aRow + k aStep]
//   * b[b bBatch + n bColumn + k bStep] + bias[n]) + residual[b, m, n]; k runs over one split of
// splitLength elements for each of `splits` slices of y. laneShift: see product/tile.glsl. With ROW_SUMS
// the sums over k of a[m] are stored at `bias`, [M]. Blocks cover columns from firstColumn to endColumn.
PARAMETERS(MatrixProductParameters) {
  ADDRESS a;
  ADDRESS b;
  ADDRESS y;
  ADDRESS bias;
  ADDRESS residual;
  UINT batch;
  UINT m;
  UINT n;
  UINT k;
  UINT aBatch;
  UINT aRow;
  UINT aStep;
  UINT bBatch;
  UINT bColumn;
  UINT bStep;
  UINT splits;
  UINT splitLength;
  UINT laneShift;
  UINT firstColumn;
  UINT endColumn;
  FLOAT scale;
} END_PARAMETERS(MatrixProductParameters);
