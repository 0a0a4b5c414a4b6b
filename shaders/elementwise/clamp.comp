// y = min(max(x, low), high), or, with GRADIENT 1, y = dy where low <= x <= high and 0 elsewhere.
// Shapes: x, dy, y [count]. Each invocation takes ITEMS elements a workgroup apart.
// Meaning: Graph/Operations/Clamp.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "parameters/clamp.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint ITEMS = 4;
STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(Y, STORAGE_Y)
#if GRADIENT
STORAGE_ACCESS(DY, STORAGE_DY)
#endif

void main() {
  uint first = linearGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationIndex;
  for (uint item = 0; item < ITEMS; item++) {
    uint i = first + item * gl_WorkGroupSize.x;
    if (i >= p.count) return;
    float x = loadX(p.x, i);
#if GRADIENT
    storeY(p.y, i, x >= p.low && x <= p.high ? loadDY(p.dy, i) : 0.0);
#else
    storeY(p.y, i, min(max(x, p.low), p.high));
#endif
  }
}
