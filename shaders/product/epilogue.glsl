// What happens to finished sums: y = activation(scale * sums + bias) + residual.
#ifndef PRODUCT_EPILOGUE_GLSL
#define PRODUCT_EPILOGUE_GLSL
#include "product/quad.glsl"
#include "common/activation.glsl"

QUAD_ACCESS(Y, STORAGE_Y)
QUAD_ACCESS(Bias, STORAGE_BIAS)
QUAD_ACCESS(Residual, STORAGE_RESIDUAL)

// Where a tile goes and what is added on the way.
struct Epilogue {
  uint64_t y;
  uint64_t bias;      // [columns], 0 when there is none
  uint64_t residual;  // laid out as y, 0 when there is none
  float scale;
};

// Four neighbouring sums of the row of y that starts at element `first`; those at `columns` and
// beyond are not stored.
void storeSums(Epilogue e, uint first, uint column, uint columns, vec4 value) {
  value *= e.scale;
#if FORM == 0
  [[unroll]] for (uint j = 0; j < 4; j++) {
    if (column + j < columns) {
      float element = value[j];
      if (e.bias != 0) element += loadBias(e.bias, column + j);
      element = activate(element, ACTIVATION);
      if (e.residual != 0) element += loadResidual(e.residual, first + column + j);
      storeY(e.y, first + column + j, element);
    }
  }
#else
  if (column < columns) {
    if (e.bias != 0) value += loadQuadBias(e.bias, column);
    [[unroll]] for (uint j = 0; j < 4; j++) value[j] = activate(value[j], ACTIVATION);
    if (e.residual != 0) value += loadQuadResidual(e.residual, first + column);
    storeQuadY(e.y, first + column, value);
  }
#endif
}

#endif
