// y = activation(x), by macro ACTIVATION.
// Shapes: x, y [count]. Mapping: common/elementwise.glsl. Meaning: Graph/Operations/Activate.swift
#version 460
#include "common/values.glsl"
#include "common/activation.glsl"
#include "common/elementwise.glsl"
#include "parameters/activate.h"

VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    putY(p.y, i, activate(getX(p.x, i), ACTIVATION));
  }
}
