// sums[n, part, c] = (sum of dz h, sum of dz) over the places of the part, with h = (x - mean) rstd and
// dz = activation'(h weight + bias) dy.
// Shapes: see parameters/group_norm_gradient.h. Mapping: group_columns.glsl. Meaning: Graph/Operations/GroupNorm+Gradient.swift
#version 460
#include "common/values.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "norm/group_norm_gradient.glsl"
#include "norm/sums.glsl"

void main() {
  Place place = placeOfLane();
  if (!place.isInside) return;
  Normalization norm = normalization(place);
  LongSum sumH = longSum(), sumZ = longSum();
  uint row = place.first;
  while (row < place.end) {
    uint stop = min(row + CHUNK, place.end);
    Value chunkH = Value(0), chunkZ = Value(0);
    for (; row < stop; row++) {
      Value h, dz;
      normalized(norm, row * p.groups * p.width + place.channel, h, dz);
      chunkH += dz * h;
      chunkZ += dz;
    }
    addValue(sumH, chunkH);
    addValue(sumZ, chunkZ);
  }
  storeSums(p.sums, place.part * p.groups * p.width + place.channel, valueOf(sumH), valueOf(sumZ));
}
