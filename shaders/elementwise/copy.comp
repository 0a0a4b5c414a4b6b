// y = x, in the same or another storage type.
// Shapes: x, y [count]. Each invocation copies ITEMS consecutive strides: lanes are contiguous.
// Meaning: Graph/Operations/Copy.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "parameters/copy.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint ITEMS = 4;
STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(Y, STORAGE_Y)

void main() {
  uint first = linearGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationIndex;
  for (uint item = 0; item < ITEMS; item++) {
    uint i = first + item * gl_WorkGroupSize.x;
    if (i < p.count) storeY(p.y, i, loadX(p.x, i));
  }
}
