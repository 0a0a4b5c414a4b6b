// y = activation((x - mean) rstd weight + bias), by the statistics of the group.
// Shapes: see parameters/group_norm.h, width in Values. Mapping: group_columns.glsl. Last of the three
// launches of a norm by rows. Meaning: Graph/Operations/GroupNorm.swift
#version 460
#include "common/values.glsl"
#include "common/activation.glsl"
#include "common/index.glsl"
#include "parameters/group_norm.h"
#include "norm/group_columns.glsl"
VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(W, STORAGE_W)

void main() {
  Place place = placeOfLane();
  if (!place.isInside) return;
  float mean = loadF32(p.mean, groupOf(place));
  Value scale = loadF32(p.rstd, groupOf(place)) * getW(p.weight, place.channel);
  Value bias = getW(p.bias, place.channel);
  uint stride = p.groups * p.width;
  uint i = place.first * stride + place.channel, end = place.end * stride;
  // Four rows a turn: a turn costs as much as a row.
  for (; i + 3 * stride < end; i += 4 * stride) {
    Value x[4];
    [[unroll]] for (uint r = 0; r < 4; r++) x[r] = getX(p.x, i + r * stride);
    [[unroll]] for (uint r = 0; r < 4; r++) {
      putX(p.y, i + r * stride, activate((x[r] - mean) * scale + bias, ACTIVATION));
    }
  }
  for (; i < end; i += stride) {
    putX(p.y, i, activate((getX(p.x, i) - mean) * scale + bias, ACTIVATION));
  }
}
