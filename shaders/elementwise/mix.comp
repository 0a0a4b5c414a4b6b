// z = c[n, 0] x + c[n, 1] y.
// Shapes: x, y, z [N, size], c f32 [N, 2]. Mapping: common/elementwise.glsl.
// Meaning: Graph/Operations/Mix.swift
#version 460
#include "common/values.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "parameters/mix.h"

VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(Y, STORAGE_Y)
VALUE_ACCESS(Z, STORAGE_Z)

void main() {
  uint first = firstElement();
  Counter k = counterAt(first, p.size, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.size, 1);
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    float c0 = loadF32(p.coefficients, 2 * k.outer);
    float c1 = loadF32(p.coefficients, 2 * k.outer + 1);
    putZ(p.z, i, c0 * getX(p.x, i) + c1 * getY(p.y, i));
    advance(k, stride, p.size, 1);
  }
}
