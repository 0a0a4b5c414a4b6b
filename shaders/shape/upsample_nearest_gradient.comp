// dx = sum of the four elements of dy that came from one.
// Shapes: dy [N, 2H, 2W, C] (x), dx [N, H, W, C] (y), flat over dx. Mapping:
// common/elementwise.glsl. Meaning: Graph/Operations/UpsampleNearest.swift
#version 460
#include "common/values.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "parameters/upsample_nearest.h"

VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  uint first = firstElement();
  Counter k = counterAt(first, p.channels, p.width);  // outer: sample and row
  Counter stride = counterAt(gl_WorkGroupSize.x, p.channels, p.width);
  uint rowSize = 2 * p.width * p.channels;
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    uint source = 2 * k.outer * rowSize + 2 * k.middle * p.channels + k.inner;
    Value upper = getX(p.x, source) + getX(p.x, source + p.channels);
    Value lower = getX(p.x, source + rowSize) + getX(p.x, source + rowSize + p.channels);
    putY(p.y, i, upper + lower);
    advance(k, stride, p.channels, p.width);
  }
}
