// dx = activation'(x) dy, by macro ACTIVATION.
// Shapes: x, dy, dx [count]. Mapping: common/elementwise.glsl.
// Meaning: Graph/Operations/Activate.swift
#version 460
#include "common/storage.glsl"
#include "common/activation.glsl"
#include "common/elementwise.glsl"
#include "parameters/activate.h"

STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(DY, STORAGE_DY)
STORAGE_ACCESS(Y, STORAGE_Y)

void main() {
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    storeY(p.y, i, activateGradient(loadX(p.x, i), ACTIVATION) * loadDY(p.dy, i));
  }
}
