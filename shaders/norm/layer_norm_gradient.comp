// dx = rstd (dy weight - average of (dy weight) - h average of (dy weight h)), h = (x - mean) rstd,
// plus a residual with HAS_RESIDUAL; with HAS_PARAMETERS also sums[part, c] = (sum of dy h, sum of dy) over the rows of the part.
// Shapes: see parameters/layer_norm_gradient.h. A workgroup: the rows of one part, each a subgroup's,
// whose lanes run over the columns; then columns of all rows while they are in the cache.
// Meaning: Graph/Operations/LayerNorm.swift
#version 460
#include "common/values.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "norm/sums.glsl"
#include "parameters/layer_norm_gradient.h"

layout(local_size_x_id = 0) in;
VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(W, STORAGE_W)
VALUE_ACCESS(DY, STORAGE_DY)
#ifdef HAS_RESIDUAL
VALUE_ACCESS(Residual, STORAGE_RESIDUAL)
#endif

void rowGradient(uint row) {
  uint base = row * p.width;
  float mean = loadF32(p.mean, row);
  float rstd = loadF32(p.rstd, row);
  Value sumH = Value(0), sumZ = Value(0);
  for (uint c = laneIndex(); c < p.width; c += laneCount()) {
    Value h = (getX(p.x, base + c) - mean) * rstd;
    Value gradient = getDY(p.dy, base + c) * getW(p.weight, c);
    sumH += gradient * h;
    sumZ += gradient;
  }
  vec2 average = subgroupAdd(vec2(total(sumH), total(sumZ))) / float(p.width * VALUE_SIZE);
  for (uint c = laneIndex(); c < p.width; c += laneCount()) {
    Value h = (getX(p.x, base + c) - mean) * rstd;
    Value gradient = getDY(p.dy, base + c) * getW(p.weight, c);
    Value dx = rstd * (gradient - average.y - h * average.x);
#ifdef HAS_RESIDUAL
    dx += getResidual(p.residual, base + c);
#endif
    putX(p.dx, base + c, dx);
  }
}

void columnSums(uint c, uint first, uint end) {
  LongSum sumH = longSum(), sumZ = longSum();
  uint row = first;
  while (row < end) {
    uint stop = min(row + CHUNK, end);
    Value chunkH = Value(0), chunkZ = Value(0);
    for (; row < stop; row++) {
      Value h = (getX(p.x, row * p.width + c) - loadF32(p.mean, row)) * loadF32(p.rstd, row);
      Value dy = getDY(p.dy, row * p.width + c);
      chunkH += dy * h;
      chunkZ += dy;
    }
    addValue(sumH, chunkH);
    addValue(sumZ, chunkZ);
  }
  storeSums(p.sums, linearGroup() * p.width + c, valueOf(sumH), valueOf(sumZ));
}

void main() {
  if (linearGroup() >= p.parts) return;
  uint first = linearGroup() * p.rowsOfPart;
  uint end = min(first + p.rowsOfPart, p.rows);
  for (uint row = first + subgroupIndex(); row < end; row += subgroupCount()) rowGradient(row);
#ifdef HAS_PARAMETERS
  for (uint c = gl_LocalInvocationIndex; c < p.width; c += gl_WorkGroupSize.x) {
    columnSums(c, first, end);
  }
#endif
}
