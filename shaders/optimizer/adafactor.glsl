// What the launches of Adafactor share. Addresses of an entry (optimizer/tensors.glsl), whose size is
// the number of columns:
//
//   FACTORED  p, g, R, C, then p, R, C after the update
//   else      p, g, v, then p, v after the update
//   then      mean(R) and the rate (f32 [2]), partial sums by column, partial sums of u^2
//
// Meaning: Graph/Operations/Adafactor.swift
#ifndef OPTIMIZER_ADAFACTOR_GLSL
#define OPTIMIZER_ADAFACTOR_GLSL
#include "optimizer/tensors.glsl"
#include "common/math.glsl"
#include "common/reduce.glsl"
#include "parameters/adafactor.h"

layout(local_size_x_id = 0) in;
VALUE_ACCESS(F, 0)

#ifdef FACTORED
const uint WEIGHT_OUT = 4, ROWS_OUT = 5, COLUMNS_OUT = 6, SLOT = 7;
#else
const uint WEIGHT_OUT = 3, SQUARES_OUT = 4, SLOT = 5;
#endif
const uint COLUMN_SUMS = SLOT + 1, SQUARE_SUMS = SLOT + 2;
const uint ROWS_OF_PART = 512;
const float EPSILON = 1e-30;

UpdatedTensor tensorOf(uint group) {
  return updatedTensor(p.table, p.entryWords, p.tensors, group);
}

// Weight of the newest squares in their average: t^decayExponent.
float newestWeight() { return exponential(p.decayExponent * logarithm(loadF32(p.step, 0))); }

float gradientScale() { return loadF32(p.scale, 0); }

float averaged(float old, float mean, float weight) { return old + weight * (mean - old); }

#endif
