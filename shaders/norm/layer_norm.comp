// y = (x - mean) rstd weight + bias, mean and variance over a row.
// Shapes: x, y [rows, width], weight, bias [width], mean, rstd f32 [rows], width in Values. A workgroup:
// ROWS rows, each a subgroup's, whose lanes run over the columns. The variance is taken around the mean in a
// second pass, which also refines the mean. Meaning: Graph/Operations/LayerNorm.swift
#version 460
#include "common/values.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/layer_norm.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint ROWS = 1;
VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(W, STORAGE_W)

void main() {
  uint first = linearGroup() * ROWS;
  uint end = min(first + ROWS, p.rows);
  float count = float(p.width * VALUE_SIZE);
  for (uint row = first + subgroupIndex(); row < end; row += subgroupCount()) {
    uint base = row * p.width;
    Value sum = Value(0);
    for (uint c = laneIndex(); c < p.width; c += laneCount()) {
      sum += getX(p.x, base + c);
    }
    float mean = subgroupAdd(total(sum)) / count;
    Value linear = Value(0), squares = Value(0);
    for (uint c = laneIndex(); c < p.width; c += laneCount()) {
      Value d = getX(p.x, base + c) - mean;
      linear += d;
      squares += d * d;
    }
    vec2 moments = subgroupAdd(vec2(total(linear), total(squares))) / count;
    mean += moments.x;
    float rstd = 1.0 / sqrt(max(moments.y - moments.x * moments.x, 0.0) + p.epsilon);
    for (uint c = laneIndex(); c < p.width; c += laneCount()) {
      Value h = (getX(p.x, base + c) - mean) * rstd;
      putX(p.y, base + c, h * getW(p.weight, c) + getW(p.bias, c));
    }
    if (laneIndex() == 0) {
      storeF32(p.mean, row, mean);
      storeF32(p.rstd, row, rstd);
    }
  }
}
