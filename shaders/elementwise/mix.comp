// z = c[n, 0] x + c[n, 1] y.
// Shapes: x, y, z [N, size], c f32 [N, 2]. Mapping: common/elementwise.glsl.
// Meaning: Graph/Operations/Mix.swift
#version 460
#include "common/storage.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "parameters/mix.h"

STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(Y, STORAGE_Y)
STORAGE_ACCESS(Z, STORAGE_Z)

void main() {
  uint first = firstElement();
  Counter k = counterAt(first, p.size, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.size, 1);
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    float c0 = loadF32(p.coefficients, 2 * k.outer);
    float c1 = loadF32(p.coefficients, 2 * k.outer + 1);
    storeZ(p.z, i, c0 * loadX(p.x, i) + c1 * loadY(p.y, i));
    advance(k, stride, p.size, 1);
  }
}
