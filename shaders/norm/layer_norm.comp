// y = (x - mean) rstd weight + bias, mean and variance over a row.
// Shapes: x, y [rows, width], weight, bias [width], mean, rstd f32 [rows]. A workgroup: ROWS rows, one
// after the other; lanes run over the columns. The variance is taken around the mean in a second pass,
// which also refines the mean. Meaning: Graph/Operations/LayerNorm.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/layer_norm.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint ROWS = 1;
STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(W, STORAGE_W)

void main() {
  uint first = linearGroup() * ROWS;
  uint end = min(first + ROWS, p.rows);
  for (uint row = first; row < end; row++) {
    uint base = row * p.width;
    float sum = 0;
    for (uint c = gl_LocalInvocationIndex; c < p.width; c += gl_WorkGroupSize.x) {
      sum += loadX(p.x, base + c);
    }
    float mean = groupSum(sum) / float(p.width);
    vec2 moments = vec2(0);
    for (uint c = gl_LocalInvocationIndex; c < p.width; c += gl_WorkGroupSize.x) {
      float d = loadX(p.x, base + c) - mean;
      moments += vec2(d, d * d);
    }
    moments = groupSum(moments) / float(p.width);
    mean += moments.x;
    float rstd = 1.0 / sqrt(max(moments.y - moments.x * moments.x, 0.0) + p.epsilon);
    for (uint c = gl_LocalInvocationIndex; c < p.width; c += gl_WorkGroupSize.x) {
      float h = (loadX(p.x, base + c) - mean) * rstd;
      storeX(p.y, base + c, h * loadW(p.weight, c) + loadW(p.bias, c));
    }
    if (gl_LocalInvocationIndex == 0) {
      storeF32(p.mean, row, mean);
      storeF32(p.rstd, row, rstd);
    }
  }
}
