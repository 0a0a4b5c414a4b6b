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

#if FORM != 0
// Four neighbouring sums of the row of y that starts at element `first`, with all that follows them.
vec4 finished(Epilogue e, uint first, uint column, vec4 value) {
  value *= e.scale;
  if (e.bias != 0) value += loadQuadBias(e.bias, column);
  [[unroll]] for (uint j = 0; j < 4; j++) value[j] = activate(value[j], ACTIVATION);
  if (e.residual != 0) value += loadQuadResidual(e.residual, first + column);
  return value;
}
#endif

// Finishes and stores four; those at `columns` and beyond are not stored.
void storeSums(Epilogue e, uint first, uint column, uint columns, vec4 value) {
#if FORM == 0
  value *= e.scale;
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
  if (column < columns) storeQuadY(e.y, first + column, finished(e, first, column, value));
#endif
}

// Whether eight elements of y are 16 bytes that may be stored at once.
#define STORES_OCTETS (FORM != 0 && (STORAGE_Y == 1 || STORAGE_Y == 2))
#if STORES_OCTETS
layout(buffer_reference, scalar, buffer_reference_align = 16) writeonly buffer Octets { uvec4 at[]; };
#if STORAGE_Y == 1
#define PACK_Y packHalfQuad
#else
#define PACK_Y packBrainQuad
#endif
#endif

// Finishes and stores eight, of which the first is inside: at once where they are 16 bytes and `isAligned`, all
// on a multiple of that.
void storeEight(
    Epilogue e, uint first, uint column, uint columns, bool isAligned, vec4 low, vec4 high) {
#if STORES_OCTETS
  if (isAligned) {
    Octets(e.y).at[(first + column) >> 3] =
        uvec4(PACK_Y(finished(e, first, column, low)), PACK_Y(finished(e, first, column + 4, high)));
    return;
  }
#endif
  storeSums(e, first, column, columns, low);
  storeSums(e, first, column + 4, columns, high);
}

#endif
