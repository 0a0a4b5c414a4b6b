// sums[n, part, c] = (sum of dz h, sum of dz) over the places of the part, with h = (x - mean) rstd and
// dz = activation'(h weight + bias) dy.
// Shapes: see parameters/group_norm_gradient.h. A workgroup: one part of one sample, lanes side by side
// over channels. Meaning: Graph/Operations/GroupNorm+Gradient.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "norm/group_norm_gradient.glsl"

void main() {
  Place place = placeOfLane();
  if (!place.isInside) return;
  LongSum sum = longSum();
  uint row = place.first;
  while (row < place.end) {
    uint stop = min(row + CHUNK, place.end);
    vec2 chunk = vec2(0);
    for (; row < stop; row++) {
      vec2 hdz = normalizedAndGradient(place, row);
      chunk += vec2(hdz.y * hdz.x, hdz.y);
    }
    add(sum, chunk);
  }
  uint target = 2 * (place.part * p.groups * p.width + place.channel);
  storeF32(p.sums, target, sum.value.x);
  storeF32(p.sums, target + 1, sum.value.y);
}
