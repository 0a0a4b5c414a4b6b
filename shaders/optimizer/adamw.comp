// AdamW with decoupled weight decay; g = scale gradient, and scale < 0 copies what was there.
// Shapes: p, g, m, v [count]; learningRate, t, scale f32 [1]. Mapping: common/elementwise.glsl; each
// element is read before it is written, so outputs may be the inputs.
// Meaning: Graph/Operations/AdamW.swift
#version 460
#include "common/values.glsl"
#include "common/elementwise.glsl"
#include "common/math.glsl"
#include "parameters/adamw.h"

VALUE_ACCESS(P, STORAGE_P)
VALUE_ACCESS(G, STORAGE_G)
VALUE_ACCESS(M, 0)

void main() {
  float learningRate = loadF32(p.learningRate, 0);
  float t = loadF32(p.step, 0);
  float scale = loadF32(p.scale, 0);
  bool isSkipped = scale < 0.0;
  float rate = learningRate / -exponentialMinusOne(t * p.logBeta1);
  float correction = 1.0 / sqrt(-exponentialMinusOne(t * p.logBeta2));
  float decay = learningRate * p.weightDecay;
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    Value parameter = getP(p.parameter, i);
    Value m = getM(p.m, i);
    Value v = getM(p.v, i);
    Value g = scale * getG(p.gradient, i);
    Value m1 = m + p.weight1 * (g - m);
    Value v1 = p.beta2 * v + p.weight2 * g * g;
    Value updated = parameter - decay * parameter;
    updated -= rate * m1 / (sqrt(v1) * correction + p.epsilon);
    putP(p.parameterOut, i, isSkipped ? parameter : updated);
    putM(p.mOut, i, isSkipped ? m : m1);
    putM(p.vOut, i, isSkipped ? v : v1);
  }
}
