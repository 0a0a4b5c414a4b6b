// mean and rstd of each group from the sums of its channels. With n places, a channel has the mean
// m = center + sum / n and the squares M = squares - sum^2 / n around it; the group has their average, and
// the variance average of (M / n + (m - mean)^2).
// Shapes: see parameters/group_norm.h, width in channels. A workgroup: one group of one sample, lanes over
// its channels. Second of the three launches of a norm by rows. Meaning: Graph/Operations/GroupNorm.swift
// Source: Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample
// variances, 1979 (equation 2.1).
#version 460
#include "common/values.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/group_norm.h"
#include "norm/sums.glsl"
layout(local_size_x_id = 0) in;
VALUE_ACCESS(X, STORAGE_X)

// Mean and variance of a channel.
vec2 moments(uint sampleIndex, uint channel) {
  uint channels = p.groups * p.width;
  LongSum sum = longSum();
  for (uint part = sampleIndex * p.parts; part < (sampleIndex + 1) * p.parts; part++) {
    add(sum, loadSums(p.sums, part * channels + channel));
  }
  vec2 average = sum.value / float(p.places);
  float center = getX(p.x, sampleIndex * p.places * channels + channel);
  return vec2(center + average.x, max(average.y - average.x * average.x, 0.0));
}

void main() {
  uint index = linearGroup();
  if (index >= p.samples * p.groups) return;
  uint sampleIndex = index / p.groups;
  uint first = (index - sampleIndex * p.groups) * p.width;
  float mean = 0.0;
  for (uint c = gl_LocalInvocationIndex; c < p.width; c += gl_WorkGroupSize.x) {
    mean += moments(sampleIndex, first + c).x;
  }
  mean = groupSum(mean) / float(p.width);
  float variance = 0.0;
  for (uint c = gl_LocalInvocationIndex; c < p.width; c += gl_WorkGroupSize.x) {
    vec2 channel = moments(sampleIndex, first + c);
    variance += channel.y + (channel.x - mean) * (channel.x - mean);
  }
  variance = groupSum(variance) / float(p.width);
  if (gl_LocalInvocationIndex == 0) {
    storeF32(p.mean, index, mean);
    storeF32(p.rstd, index, 1.0 / sqrt(variance + p.epsilon));
  }
}
