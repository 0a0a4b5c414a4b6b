// y[i] = table[ids[i]].
// Shapes: table [V, width], ids i32 [positions], y [positions, width], flat over y. Mapping:
// common/elementwise.glsl. Ids beyond the table read its last row, so that bad data cannot leave the
// tensor. Meaning: Graph/Operations/Embedding.swift
#version 460
#include "common/values.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "parameters/embedding.h"

VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  uint first = firstElement();
  Counter k = counterAt(first, p.width, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.width, 1);
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    uint row = min(UintArray(p.ids).at[k.outer], p.vocabulary - 1);
    putY(p.y, i, getX(p.x, row * p.width + k.inner));
    advance(k, stride, p.width, 1);
  }
}
