// y[row, start + j] = x[row, j + shift] for j < run: one input of a concatenation, a slice, or, with
// ZERO_PADDED (0 where x has no such place), the gradient of a slice.
// Shapes: x [rows, sourceRun], y [rows, targetRun], flat over [rows, run]. Mapping:
// common/elementwise.glsl. Meaning: Graph/Operations/Concatenate.swift and Slice.swift
#version 460
#include "common/values.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "parameters/move_rows.h"

VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  uint first = firstElement();
  Counter k = counterAt(first, p.run, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.run, 1);
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    uint source = uint(int(k.inner) + p.shift);  // far outside where negative
#ifdef ZERO_PADDED
    Value value = Value(0);
    if (source < p.sourceRun) value = getX(p.x, k.outer * p.sourceRun + source);
#else
    Value value = getX(p.x, k.outer * p.sourceRun + source);
#endif
    putY(p.y, k.outer * p.targetRun + p.start + k.inner, value);
    advance(k, stride, p.run, 1);
  }
}
