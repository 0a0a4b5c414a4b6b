// y = activation((x - mean) rstd weight + bias), mean and variance over the group's channels and all
// places of the sample.
// Shapes: x, y [samples, places, groups * width], weight, bias [groups * width], mean, rstd f32
// [samples, groups]. A workgroup: one group of one sample; lanes run over its elements in the order
// of storage. The variance is taken around the mean in a second pass, which also refines the mean.
// Meaning: Graph/Operations/GroupNorm.swift
#version 460
#include "common/storage.glsl"
#include "common/activation.glsl"
#include "common/counter.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/group_norm.h"

layout(local_size_x_id = 0) in;
STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(W, STORAGE_W)

// Sums of x - center and of its square over the group that starts at `base`.
vec2 sums(uint base, float center) {
  uint count = p.places * p.width;
  uint channels = p.groups * p.width;
  uint e = gl_LocalInvocationIndex;
  Counter k = counterAt(e, p.width, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.width, 1);
  LongSum sum = longSum();
  while (e < count) {
    uint stop = min(e + CHUNK * gl_WorkGroupSize.x, count);
    vec2 chunk = vec2(0);
    for (; e < stop; e += gl_WorkGroupSize.x) {
      float d = loadX(p.x, base + k.outer * channels + k.inner) - center;
      chunk += vec2(d, d * d);
      advance(k, stride, p.width, 1);
    }
    add(sum, chunk);
  }
  return groupSum(sum.value);
}

void main() {
  uint index = linearGroup();
  if (index >= p.samples * p.groups) return;
  uint sampleIndex = index / p.groups;
  uint channel = (index - sampleIndex * p.groups) * p.width;
  uint channels = p.groups * p.width;
  uint base = sampleIndex * p.places * channels + channel;
  uint count = p.places * p.width;

  float mean = sums(base, 0.0).x / float(count);
  vec2 moments = sums(base, mean) / float(count);
  mean += moments.x;
  float rstd = 1.0 / sqrt(max(moments.y - moments.x * moments.x, 0.0) + p.epsilon);
  if (gl_LocalInvocationIndex == 0) {
    storeF32(p.mean, index, mean);
    storeF32(p.rstd, index, rstd);
  }
  Counter k = counterAt(gl_LocalInvocationIndex, p.width, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.width, 1);
  for (uint e = gl_LocalInvocationIndex; e < count; e += gl_WorkGroupSize.x) {
    uint i = base + k.outer * channels + k.inner;
    float h = (loadX(p.x, i) - mean) * rstd;
    float z = h * loadW(p.weight, channel + k.inner) + loadW(p.bias, channel + k.inner);
    storeX(p.y, i, activate(z, ACTIVATION));
    advance(k, stride, p.width, 1);
  }
}
