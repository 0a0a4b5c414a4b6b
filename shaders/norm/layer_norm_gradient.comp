// dx = rstd (dy weight - average of (dy weight) - h average of (dy weight h)), h = (x - mean) rstd.
// Shapes: see parameters/layer_norm_gradient.h. A workgroup: ROWS rows, one after the other; lanes run
// over the columns. Meaning: Graph/Operations/LayerNorm.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/layer_norm_gradient.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint ROWS = 1;
STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(W, STORAGE_W)
STORAGE_ACCESS(DY, STORAGE_DY)

void main() {
  uint first = linearGroup() * ROWS;
  uint end = min(first + ROWS, p.rows);
  for (uint row = first; row < end; row++) {
    uint base = row * p.width;
    float mean = loadF32(p.mean, row);
    float rstd = loadF32(p.rstd, row);
    vec2 average = vec2(0);
    for (uint c = gl_LocalInvocationIndex; c < p.width; c += gl_WorkGroupSize.x) {
      float h = (loadX(p.x, base + c) - mean) * rstd;
      float gradient = loadDY(p.dy, base + c) * loadW(p.weight, c);
      average += vec2(gradient * h, gradient);
    }
    average = groupSum(average) / float(p.width);
    for (uint c = gl_LocalInvocationIndex; c < p.width; c += gl_WorkGroupSize.x) {
      float h = (loadX(p.x, base + c) - mean) * rstd;
      float gradient = loadDY(p.dy, base + c) * loadW(p.weight, c);
      storeX(p.dx, base + c, rstd * (gradient - average.y - h * average.x));
    }
  }
}
