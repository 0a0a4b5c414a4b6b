// y = value gelu(gate), x = [value ; gate] in each row.
// Shapes: x [rows, 2 width], y [rows, width], flat over y. Mapping: common/elementwise.glsl.
// Meaning: Graph/Operations/GEGLU.swift
#version 460
#include "common/values.glsl"
#include "common/activation.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "parameters/geglu.h"

VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  uint first = firstElement();
  Counter k = counterAt(first, p.width, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.width, 1);
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    uint value = k.outer * 2 * p.width + k.inner;
    putY(p.y, i, getX(p.x, value) * gelu(getX(p.x, value + p.width)));
    advance(k, stride, p.width, 1);
  }
}
