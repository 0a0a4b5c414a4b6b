// Lion with decoupled weight decay; g = scale gradient, and scale < 0 copies what was there.
// Shapes: by tensor p, g, m [its elements]; learningRate, t, scale f32 [1]. Mapping:
// optimizer/tensors.glsl, a workgroup for each chunk; each element is read before it is written, so
// outputs may be the inputs. Meaning: Graph/Operations/Lion.swift
#version 460
#include "optimizer/tensors.glsl"
#include "optimizer/rounding.glsl"
#include "parameters/lion.h"

layout(local_size_x_id = 0) in;
VALUE_ACCESS(P, STORAGE_P)
VALUE_ACCESS(G, STORAGE_G)
VALUE_ACCESS(M, STORAGE_S0)
ROUNDING_ACCESS(P, STORAGE_P)
ROUNDING_ACCESS(M, STORAGE_S0)

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = updatedTensor(p.table, p.entryWords, p.tensors, group);
  uint64_t parameterIn = address(tensor, 0), gradientIn = address(tensor, 1);
  uint64_t mIn = address(tensor, 2);
  uint64_t parameterOut = address(tensor, 3), mOut = address(tensor, 4);
  uint end = (tensor.count + 1) / 2;  // in pairs

  float learningRate = loadF32(p.learningRate, 0);
  uint t = uint(loadF32(p.step, 0));
  float scale = loadF32(p.scale, 0);
  bool isSkipped = scale < 0.0;
  float decay = learningRate * p.weightDecay;
  uvec2 seed = uvec2(p.seedLow, p.seedHigh);
  for (uint lane = gl_LocalInvocationIndex; lane < BLOCKS_OF_CHUNK; lane += gl_WorkGroupSize.x) {
    uint block = tensor.group * BLOCKS_OF_CHUNK + lane;
    uvec4 randomOfP = randomP(seed, block, tensor.index, t, 0);
    uvec4 randomOfM = randomM(seed, block, tensor.index, t, 1);
    [[unroll]] for (uint k = 0; k < 4; k++) {
      uint i = tensor.group * CHUNK_VALUES + k * BLOCKS_OF_CHUNK + lane;
      if (i >= end) break;
      Value parameter = getP(parameterIn, i);
      Value m = getM(mIn, i);
      Value g = scale * getG(gradientIn, i);
      Value updated = parameter - decay * parameter;
      updated -= learningRate * sign(m + p.weight1 * (g - m));
      Value m1 = m + p.weight2 * (g - m);
      if (isSkipped) {
        putP(parameterOut, i, parameter);
        putM(mOut, i, m);
      } else {
        putRoundedP(parameterOut, i, updated, randomOfP[k]);
        putRoundedM(mOut, i, m1, randomOfM[k]);
      }
    }
  }
}
