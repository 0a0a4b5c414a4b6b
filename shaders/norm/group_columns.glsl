// The share of a lane where lanes run side by side over channels: one Value of them, over a stretch of
// places of one sample. A workgroup: one part of one sample and a block of channels.

layout(local_size_x_id = 0) in;

struct Place {
  bool isInside;
  uint part;  // of all samples
  uint sampleIndex;
  uint channel;  // in Values, as p.width
  uint first;    // rows of x: sample * places + place
  uint end;
};

Place placeOfLane() {
  Place place;
  uint channels = p.groups * p.width;
  uint blocks = (channels + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;
  place.part = linearGroup() / blocks;
  place.channel =
      (linearGroup() - place.part * blocks) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  place.isInside = place.part < p.samples * p.parts && place.channel < channels;
  place.sampleIndex = place.part / p.parts;
  uint start = (place.part - place.sampleIndex * p.parts) * p.placesOfPart;
  place.first = place.sampleIndex * p.places + start;
  place.end = place.sampleIndex * p.places + min(start + p.placesOfPart, p.places);
  return place;
}

// Index of the group's statistics.
uint groupOf(Place place) { return place.sampleIndex * p.groups + place.channel / p.width; }
