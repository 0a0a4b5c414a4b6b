// y = activation((x - mean) rstd weight + bias), mean and variance over the group's channels and all
// places of the sample.
// Shapes: x, y [samples, places, groups * width], weight, bias [groups * width], mean, rstd f32
// [samples, groups], width in Values. A workgroup: one group of one sample; COLUMNS lanes side by side
// over its channels (1 on a CPU), the others over places. The variance is taken around the mean in a
// second pass, which also refines the mean.
// Meaning: Graph/Operations/GroupNorm.swift
#version 460
#include "common/values.glsl"
#include "common/activation.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/group_norm.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint COLUMNS = 1;
VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(W, STORAGE_W)

// Rows that a lane treats for one channel before it goes on to the next: they stay in the cache.
const uint TILE = 8;

// Sums of x - center and of its square over the group that starts at `base`.
vec2 sums(uint base, float center) {
  uint stride = p.groups * p.width;
  uint rows = gl_WorkGroupSize.x / COLUMNS;
  LongSum sum = longSum();
  for (uint tile = 0; tile < p.places; tile += TILE * rows) {
    uint end = min(tile + TILE * rows, p.places);
    Value first = Value(0), second = Value(0);
    for (uint c = gl_LocalInvocationIndex % COLUMNS; c < p.width; c += COLUMNS) {
      for (uint row = tile + gl_LocalInvocationIndex / COLUMNS; row < end; row += rows) {
        Value d = getX(p.x, base + row * stride + c) - center;
        first += d;
        second += d * d;
      }
    }
    add(sum, vec2(total(first), total(second)));
  }
  return groupSum(sum.value);
}

void main() {
  uint index = linearGroup();
  if (index >= p.samples * p.groups) return;
  uint sampleIndex = index / p.groups;
  uint channel = (index - sampleIndex * p.groups) * p.width;
  uint stride = p.groups * p.width;
  uint base = sampleIndex * p.places * stride + channel;
  float count = float(p.places * p.width * VALUE_SIZE);

  float mean = sums(base, 0.0).x / count;
  vec2 moments = sums(base, mean) / count;
  mean += moments.x;
  float rstd = 1.0 / sqrt(max(moments.y - moments.x * moments.x, 0.0) + p.epsilon);
  if (gl_LocalInvocationIndex == 0) {
    storeF32(p.mean, index, mean);
    storeF32(p.rstd, index, rstd);
  }
  uint rows = gl_WorkGroupSize.x / COLUMNS;
  for (uint tile = 0; tile < p.places; tile += TILE * rows) {
    uint end = min(tile + TILE * rows, p.places);
    for (uint c = gl_LocalInvocationIndex % COLUMNS; c < p.width; c += COLUMNS) {
      Value weight = getW(p.weight, channel + c);
      Value bias = getW(p.bias, channel + c);
      for (uint row = tile + gl_LocalInvocationIndex / COLUMNS; row < end; row += rows) {
        uint i = base + row * stride + c;
        Value h = (getX(p.x, i) - mean) * rstd;
        putX(p.y, i, activate(h * weight + bias, ACTIVATION));
      }
    }
  }
}
