// y[n, h, w, c] = x[n, h / 2, w / 2, c].
// Shapes: x [N, H, W, C], y [N, 2H, 2W, C], flat over x: each element is written four times.
// Mapping: common/elementwise.glsl. Meaning: Graph/Operations/UpsampleNearest.swift
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
    Value value = getX(p.x, i);
    uint target = 2 * k.outer * rowSize + 2 * k.middle * p.channels + k.inner;
    putY(p.y, target, value);
    putY(p.y, target + p.channels, value);
    putY(p.y, target + rowSize, value);
    putY(p.y, target + rowSize + p.channels, value);
    advance(k, stride, p.channels, p.width);
  }
}
