// dx = rstd (dz weight - average of (dz weight) - h average of (dz weight h)), averages over the group,
// plus a residual with HAS_RESIDUAL; with HAS_PARAMETERS also dweight = sum of dz h and dbias = sum of dz.
// Shapes: see parameters/group_norm_gradient.h, with sums [samples, channels, 2] over all places.
// Mapping: group_columns.glsl; the first part adds the samples' sums up, in order.
// Meaning: Graph/Operations/GroupNorm+Gradient.swift
#version 460
#include "common/values.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "norm/group_norm_gradient.glsl"
#include "norm/sums.glsl"
#ifdef HAS_RESIDUAL
VALUE_ACCESS(Residual, STORAGE_RESIDUAL)
#endif

#ifdef HAS_PARAMETERS
void storeParameterGradients(uint channel) {
  uint channels = p.groups * p.width * VALUE_SIZE;
  Value dweight, dbias;
  for (uint element = 0; element < VALUE_SIZE; element++) {
    LongSum sum = longSum();
    for (uint n = 0; n < p.samples; n++) {
      add(sum, loadSums(p.sums, n * channels + channel * VALUE_SIZE + element));
    }
#ifdef PAIRS
    dweight[element] = sum.value.x;
    dbias[element] = sum.value.y;
#else
    dweight = sum.value.x;
    dbias = sum.value.y;
#endif
  }
  putW(p.dweight, channel, dweight);
  putW(p.dbias, channel, dbias);
}
#endif

void main() {
  Place place = placeOfLane();
  if (!place.isInside) return;
  Normalization norm = normalization(place);
  vec2 average = vec2(0);  // of (dz weight h, dz weight)
  uint firstChannel = place.channel / p.width * p.width;
  for (uint c = firstChannel; c < firstChannel + p.width; c++) {
    Value weight = getW(p.weight, c);
    uint source = (place.sampleIndex * p.groups * p.width + c) * VALUE_SIZE;
#ifdef PAIRS
    average += weight.x * loadSums(p.sums, source) + weight.y * loadSums(p.sums, source + 1);
#else
    average += weight * loadSums(p.sums, source);
#endif
  }
  average /= float(p.places * p.width * VALUE_SIZE);
  for (uint row = place.first; row < place.end; row++) {
    Value h, dz;
    uint i = row * p.groups * p.width + place.channel;
    normalized(norm, i, h, dz);
    Value dx = norm.rstd * (dz * norm.weight - average.y - h * average.x);
#ifdef HAS_RESIDUAL
    dx += getResidual(p.residual, i);
#endif
    putX(p.dx, i, dx);
  }
#ifdef HAS_PARAMETERS
  if (place.part == 0) storeParameterGradients(place.channel);
#endif
}
