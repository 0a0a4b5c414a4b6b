// p -= learningRate weightDecay p, p -= rate g / sqrt(v); v = R C / mean(R) where FACTORED. Shapes: by
// tensor p, g, v [its elements], R, C f32. Mapping: a workgroup for each chunk (optimizer/tensors.glsl).
// Meaning: Graph/Operations/Adafactor.swift
#version 460
#include "common/values.glsl"
#include "optimizer/adafactor.glsl"
#include "optimizer/rounding.glsl"

VALUE_ACCESS(P, STORAGE_P)
VALUE_ACCESS(G, STORAGE_G)
ROUNDING_ACCESS(P, STORAGE_P)

#ifdef FACTORED
// 1 / sqrt(v) of an element, root by root: R C / mean(R) itself may be less than f32 holds, where a row
// and a column have hardly any gradient. Its row by f32, less or more by one: rows are below 2^20.
float inverseRoot(UpdatedTensor tensor, uint element, float inverse, float rootOfMean) {
  uint row = uint(float(element) * inverse);
  int column = int(element - row * tensor.size);
  if (column < 0) {
    row--;
    column += int(tensor.size);
  } else if (column >= int(tensor.size)) {
    row++;
    column -= int(tensor.size);
  }
  return rootOfMean * inversesqrt(loadF32(address(tensor, ROWS_OUT), row))
      * inversesqrt(loadF32(address(tensor, COLUMNS_OUT), uint(column)));
}
#endif

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = tensorOf(group);
  float scale = gradientScale();
  bool isSkipped = scale < 0.0;
  uint t = uint(loadF32(p.step, 0));
  float decay = loadF32(p.learningRate, 0) * p.weightDecay;
  float rate = loadF32(address(tensor, SLOT), 1);
#ifdef FACTORED
  float rootOfMean = sqrt(loadF32(address(tensor, SLOT), 0));
  float inverse = 1.0 / float(tensor.size);
#endif
  uint end = (tensor.count + 1) / 2;  // in pairs
  uvec2 seed = uvec2(p.seedLow, p.seedHigh);
  for (uint lane = gl_LocalInvocationIndex; lane < BLOCKS_OF_CHUNK; lane += gl_WorkGroupSize.x) {
    uvec4 random = randomP(seed, tensor.group * BLOCKS_OF_CHUNK + lane, tensor.index, t, 0);
    [[unroll]] for (uint k = 0; k < 4; k++) {
      uint i = tensor.group * CHUNK_VALUES + k * BLOCKS_OF_CHUNK + lane;
      if (i >= end) break;
      Value parameter = getP(address(tensor, 0), i);
      Value g = scale * getG(address(tensor, 1), i);
#ifdef FACTORED
      Value factor = vec2(
          inverseRoot(tensor, 2 * i, inverse, rootOfMean),
          inverseRoot(tensor, min(2 * i + 1, tensor.count - 1), inverse, rootOfMean));
#else
      Value factor = inversesqrt(getF(address(tensor, SQUARES_OUT), i));
#endif
      Value updated = parameter - decay * parameter - rate * g * factor;
      if (isSkipped) putP(address(tensor, WEIGHT_OUT), i, parameter);
      else putRoundedP(address(tensor, WEIGHT_OUT), i, updated, random[k]);
    }
  }
}
