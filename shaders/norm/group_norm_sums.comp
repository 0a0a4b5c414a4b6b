// sums[n, part, c] = (sum of d, sum of d^2) over the places of the part, d = x - center[n, c], with the
// sample's first value in the channel as its center: sums of squares lose nothing to a large mean.
// Shapes: see parameters/group_norm.h, width in Values. Mapping: group_columns.glsl. First of the three
// launches of a norm by rows. Meaning: Graph/Operations/GroupNorm.swift
#version 460
#include "common/values.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "parameters/group_norm.h"
#include "norm/group_columns.glsl"
#include "norm/sums.glsl"
VALUE_ACCESS(X, STORAGE_X)

void main() {
  Place place = placeOfLane();
  if (!place.isInside) return;
  uint stride = p.groups * p.width;
  Value center = getX(p.x, place.sampleIndex * p.places * stride + place.channel);
  LongSum sum = longSum(), squares = longSum();
  uint row = place.first;
  while (row < place.end) {
    uint stop = min(row + CHUNK, place.end);
    Value chunk = Value(0), chunkOfSquares = Value(0);
    // Four rows a turn: a turn costs as much as a row.
    for (; row + 3 < stop; row += 4) {
      Value d[4];
      [[unroll]] for (uint r = 0; r < 4; r++) {
        d[r] = getX(p.x, (row + r) * stride + place.channel) - center;
      }
      chunk += (d[0] + d[1]) + (d[2] + d[3]);
      chunkOfSquares += (d[0] * d[0] + d[1] * d[1]) + (d[2] * d[2] + d[3] * d[3]);
    }
    for (; row < stop; row++) {
      Value d = getX(p.x, row * stride + place.channel) - center;
      chunk += d;
      chunkOfSquares += d * d;
    }
    addValue(sum, chunk);
    addValue(squares, chunkOfSquares);
  }
  storeSums(p.sums, place.part * stride + place.channel, valueOf(sum), valueOf(squares));
}
