// y = value.
// Shapes: y [count]. Mapping: common/elementwise.glsl. Meaning: Graph/Operations/Fill.swift
#version 460
#include "common/values.glsl"
#include "common/elementwise.glsl"
#include "parameters/fill.h"

VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    putY(p.y, i, Value(p.value));
  }
}
