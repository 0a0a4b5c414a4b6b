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
  for (uint row = place.first; row < place.end; row++) {
    uint i = row * p.groups * p.width + place.channel;
    putX(p.y, i, activate((getX(p.x, i) - mean) * scale + bias, ACTIVATION));
  }
}
