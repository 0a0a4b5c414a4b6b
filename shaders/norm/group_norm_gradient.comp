// dx = rstd (dz weight - average of (dz weight) - h average of (dz weight h)), averages over the group.
// Shapes: see parameters/group_norm_gradient.h, with sums [samples, channels, 2] over all places. A
// workgroup: one part of one sample, lanes side by side over channels.
// Meaning: Graph/Operations/GroupNorm+Gradient.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "norm/group_norm_gradient.glsl"

void main() {
  Place place = placeOfLane();
  if (!place.isInside) return;
  uint firstChannel = place.channel / p.width * p.width;
  vec2 average = vec2(0);  // of (dz weight h, dz weight)
  for (uint c = firstChannel; c < firstChannel + p.width; c++) {
    uint source = 2 * (place.sampleIndex * p.groups * p.width + c);
    average += loadW(p.weight, c) * vec2(loadF32(p.sums, source), loadF32(p.sums, source + 1));
  }
  average /= float(p.places * p.width);
  for (uint row = place.first; row < place.end; row++) {
    vec2 hdz = normalizedAndGradient(place, row);
    float dx = place.rstd * (hdz.y * place.weight - average.y - hdz.x * average.x);
    storeX(p.dx, row * p.groups * p.width + place.channel, dx);
  }
}
