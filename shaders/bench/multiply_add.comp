// y = a_0 + a_1 + ..., where a_j = x + j at first and then, 8 rounds times, a_j = factor a_j + addend.
// Independent chains in registers and a long loop: what a device can multiply and add, and no more.
// Shapes: x, y f32 [count]. Mapping: a lane an element, workgroups in a row (common/index.glsl).
// Meaning: Sources/Shaders/Benchmark/MultiplyAdd.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "parameters/multiply_add.h"

layout(local_size_x_id = 0) in;

void main() {
  uint i = linearGroup() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (i >= p.count) return;
  float a[ACCUMULATORS];
  float x = loadF32(p.x, i);
  [[unroll]] for (int j = 0; j < ACCUMULATORS; j++) a[j] = x + float(j);
  for (uint n = 0; n < p.rounds; n++) {
    [[unroll]] for (int step = 0; step < 8; step++) {
      [[unroll]] for (int j = 0; j < ACCUMULATORS; j++) a[j] = a[j] * p.factor + p.addend;
    }
  }
  float sum = 0.0;
  [[unroll]] for (int j = 0; j < ACCUMULATORS; j++) sum += a[j];
  storeF32(p.y, i, sum);
}
