// p -= weightDecay r p, p -= r m / (sqrt(v) + d epsilon); steps[2] < 0 copies what was there. Shapes: by
// tensor p, m, v [its elements]; steps f32 [3]: r, d epsilon, scale; t f32 [1]. Mapping: a workgroup for
// each chunk (optimizer/tensors.glsl). Meaning: Graph/Operations/Prodigy.swift
#version 460
#include "optimizer/tensors.glsl"
#include "optimizer/rounding.glsl"
#include "parameters/prodigy.h"

layout(local_size_x_id = 0) in;
VALUE_ACCESS(P, STORAGE_P)
VALUE_ACCESS(F, 0)
ROUNDING_ACCESS(P, STORAGE_P)

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = updatedTensor(p.table, p.entryWords, p.tensors, group);
  float rate = loadF32(p.steps, 0), epsilon = loadF32(p.steps, 1);
  bool isSkipped = loadF32(p.steps, 2) < 0.0;
  float decay = p.weightDecay * rate;
  uint t = uint(loadF32(p.step, 0));
  uint end = (tensor.count + 1) / 2;  // in pairs
  uvec2 seed = uvec2(p.seedLow, p.seedHigh);
  for (uint lane = gl_LocalInvocationIndex; lane < BLOCKS_OF_CHUNK; lane += gl_WorkGroupSize.x) {
    uvec4 random = randomP(seed, tensor.group * BLOCKS_OF_CHUNK + lane, tensor.index, t, 0);
    [[unroll]] for (uint k = 0; k < 4; k++) {
      uint i = tensor.group * CHUNK_VALUES + k * BLOCKS_OF_CHUNK + lane;
      if (i >= end) break;
      Value parameter = getP(address(tensor, 0), i);
      Value m = getF(address(tensor, 1), i);
      Value v = getF(address(tensor, 2), i);
      Value updated = parameter - decay * parameter - rate * m / (sqrt(v) + epsilon);
      if (isSkipped) putP(address(tensor, 3), i, parameter);
      else putRoundedP(address(tensor, 3), i, updated, random[k]);
    }
  }
}
