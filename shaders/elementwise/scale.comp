// y = factor x.
// Shapes: x, y [count]. Mapping: common/elementwise.glsl. Meaning: Graph/Operations/Scale.swift
#version 460
#include "common/values.glsl"
#include "common/elementwise.glsl"
#include "parameters/scale.h"

VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    putY(p.y, i, p.factor * getX(p.x, i));
  }
}
