// y = factor x.
// Shapes: x, y [count]. Mapping: common/elementwise.glsl. Meaning: Graph/Operations/Scale.swift
#version 460
#include "common/storage.glsl"
#include "common/elementwise.glsl"
#include "parameters/scale.h"

STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(Y, STORAGE_Y)

void main() {
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    storeY(p.y, i, p.factor * loadX(p.x, i));
  }
}
