// What both passes of group norm's gradient share: h and dz.
#include "common/activation.glsl"
#include "parameters/group_norm_gradient.h"
#include "norm/group_columns.glsl"
VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(W, STORAGE_W)
VALUE_ACCESS(DY, STORAGE_DY)

// What a lane's channels are normalised by.
struct Normalization {
  float mean;
  float rstd;
  Value weight;
  Value bias;
};

Normalization normalization(Place place) {
  return Normalization(
      loadF32(p.mean, groupOf(place)), loadF32(p.rstd, groupOf(place)),
      getW(p.weight, place.channel), getW(p.bias, place.channel));
}

// h and dz at an element of x.
void normalized(Normalization norm, uint i, out Value h, out Value dz) {
  h = (getX(p.x, i) - norm.mean) * norm.rstd;
  Value slope = Value(activateGradient(h * norm.weight + norm.bias, ACTIVATION));
  dz = getDY(p.dy, i) * slope;
}
