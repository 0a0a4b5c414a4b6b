// What both passes of group norm's gradient share: the share of a lane, h and dz.
#include "common/activation.glsl"
#include "parameters/group_norm_gradient.h"

layout(local_size_x_id = 0) in;
VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(W, STORAGE_W)
VALUE_ACCESS(DY, STORAGE_DY)

// One Value of channels over a stretch of places of one sample.
struct Place {
  bool isInside;
  uint part;  // of all samples
  uint sampleIndex;
  uint channel;  // in Values, as p.width
  uint first;    // rows of x: sample * places + place
  uint end;
  float mean;
  float rstd;
  Value weight;
  Value bias;
};

Place placeOfLane() {
  Place place;
  uint channels = p.groups * p.width;
  uint blocks = (channels + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;
  place.part = linearGroup() / blocks;
  place.channel =
      (linearGroup() - place.part * blocks) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  place.isInside = place.part < p.samples * p.parts && place.channel < channels;
  if (!place.isInside) return place;
  place.sampleIndex = place.part / p.parts;
  uint start = (place.part - place.sampleIndex * p.parts) * p.placesOfPart;
  place.first = place.sampleIndex * p.places + start;
  place.end = place.sampleIndex * p.places + min(start + p.placesOfPart, p.places);
  uint group = place.sampleIndex * p.groups + place.channel / p.width;
  place.mean = loadF32(p.mean, group);
  place.rstd = loadF32(p.rstd, group);
  place.weight = getW(p.weight, place.channel);
  place.bias = getW(p.bias, place.channel);
  return place;
}

// h and dz at a row of x.
void normalized(Place place, uint row, out Value h, out Value dz) {
  uint i = row * p.groups * p.width + place.channel;
  h = (getX(p.x, i) - place.mean) * place.rstd;
  Value slope = Value(activateGradient(h * place.weight + place.bias, ACTIVATION));
  dz = getDY(p.dy, i) * slope;
}
