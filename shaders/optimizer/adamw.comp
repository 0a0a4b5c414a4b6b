// AdamW with decoupled weight decay; g = scale gradient, and scale < 0 copies what was there.
// Shapes: p, g, m, v [count]; learningRate, t, scale f32 [1]. Mapping: common/elementwise.glsl; each
// element is read before it is written, so outputs may be the inputs.
// Meaning: Graph/Operations/AdamW.swift
#version 460
#include "common/storage.glsl"
#include "common/elementwise.glsl"
#include "common/math.glsl"
#include "parameters/adamw.h"

STORAGE_ACCESS(P, STORAGE_P)
STORAGE_ACCESS(G, STORAGE_G)

void main() {
  float learningRate = loadF32(p.learningRate, 0);
  float t = loadF32(p.step, 0);
  float scale = loadF32(p.scale, 0);
  bool isSkipped = scale < 0.0;
  float rate = learningRate / -exponentialMinusOne(t * p.logBeta1);
  float correction = 1.0 / sqrt(-exponentialMinusOne(t * p.logBeta2));
  float decay = learningRate * p.weightDecay;
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    float parameter = loadP(p.parameter, i);
    float m = loadF32(p.m, i);
    float v = loadF32(p.v, i);
    float g = scale * loadG(p.gradient, i);
    float m1 = m + p.weight1 * (g - m);
    float v1 = p.beta2 * v + p.weight2 * g * g;
    float updated = parameter - decay * parameter;
    updated -= rate * m1 / (sqrt(v1) * correction + p.epsilon);
    storeP(p.parameterOut, i, isSkipped ? parameter : updated);
    storeF32(p.mOut, i, isSkipped ? m : m1);
    storeF32(p.vOut, i, isSkipped ? v : v1);
  }
}
