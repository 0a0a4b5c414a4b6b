// dx = [dy gelu(gate) ; dy value gelu'(gate)], x = [value ; gate] in each row.
// Shapes: x, dx [rows, 2 width], dy [rows, width], flat over dy. Mapping: common/elementwise.glsl.
// Meaning: Graph/Operations/GEGLU.swift
#version 460
#include "common/values.glsl"
#include "common/activation.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "parameters/geglu.h"

VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(DY, STORAGE_DY)
VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  uint first = firstElement();
  Counter k = counterAt(first, p.width, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.width, 1);
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    uint value = k.outer * 2 * p.width + k.inner;
    Value gate = getX(p.x, value + p.width);
    Value dy = getDY(p.dy, i);
    Value bell;
    Value below = normalDistribution(gate, bell);
    putY(p.y, value + p.width,
           dy * getX(p.x, value) * (below + gate * bell * BELL_SCALE));
    putY(p.y, value, dy * gate * below);
    advance(k, stride, p.width, 1);
  }
}
