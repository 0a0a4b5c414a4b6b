// y = activation(x), by macro ACTIVATION.
// Shapes: x, y [count]. Mapping: common/elementwise.glsl. Meaning: Graph/Operations/Activate.swift
#version 460
#include "common/storage.glsl"
#include "common/activation.glsl"
#include "common/elementwise.glsl"
#include "parameters/activate.h"

STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(Y, STORAGE_Y)

void main() {
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    storeY(p.y, i, activate(loadX(p.x, i), ACTIVATION));
  }
}
