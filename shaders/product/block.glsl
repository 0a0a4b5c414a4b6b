// The block of y that a workgroup computes through shared memory, with matrix units where
// MATRIX_TYPE is given: `clearSums`, `accumulate(depth)`, `storeBlock`; see staging.glsl.
#ifdef MATRIX_TYPE
#include "product/matrix_tile.glsl"
#else
#include "product/shared_tile.glsl"
#endif
