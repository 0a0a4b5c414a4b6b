// y = activation(scale * sum of partials + bias) + residual: the second pass of split sums, in fixed
// order. Shapes: partials f32 [splits, count]; bias [columns]; residual, y [count].
// One invocation per element, ITEMS strides apart, lanes side by side.
// Meaning: Graph/Operations/MatrixProduct.swift, Convolution2D+Gradient.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/activation.glsl"
#include "parameters/sum_partials.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint ITEMS = 4;
STORAGE_ACCESS(Y, STORAGE_Y)
STORAGE_ACCESS(Bias, STORAGE_BIAS)
STORAGE_ACCESS(Residual, STORAGE_RESIDUAL)

void main() {
  uint first = linearGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationIndex;
  for (uint item = 0; item < ITEMS; item++) {
    uint i = first + item * gl_WorkGroupSize.x;
    if (i < p.count) {
      float sum = 0;
      for (uint s = 0; s < p.splits; s++) sum += loadF32(p.partials, s * p.count + i);
      float value = p.scale * sum;
      if (p.bias != 0) value += loadBias(p.bias, i % p.columns);
      value = activate(value, ACTIVATION);
      if (p.residual != 0) value += loadResidual(p.residual, i);
      storeY(p.y, i, value);
    }
  }
}
