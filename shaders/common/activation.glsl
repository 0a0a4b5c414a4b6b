// Activations by kind: 0 none, 1 SiLU x sigmoid(x), 2 GELU x P(X < x) (the erf form), 3 quick GELU
// x sigmoid(1.702 x). Kernels take the kind as macro ACTIVATION.
// Meaning: Graph/Operations/Activate.swift
#ifndef COMMON_ACTIVATION_GLSL
#define COMMON_ACTIVATION_GLSL
#include "common/math.glsl"

#ifndef ACTIVATION
#define ACTIVATION 0
#endif

// 1 / (1 + e^-x). The device's own exp: within a few units in the last place, and several times as fast as
// one of ours. Its bound keeps infinities out; x sigmoid(x) still vanishes for any x far below zero.
float sigmoid(float x) { return x < -87.0 ? 0.0 : 1.0 / (1.0 + exp(min(-x, 87.0))); }

// 1 / sqrt(2 pi)
const float BELL_SCALE = 0.398942280401432678;

float gelu(float x) {
  float bell;
  return x * normalDistribution(x, bell);
}

float geluGradient(float x) {
  float bell;
  float below = normalDistribution(x, bell);
  return below + x * bell * BELL_SCALE;
}

float activate(float x, uint kind) {
  switch (kind) {
    case 1: return x * sigmoid(x);
    case 2: return gelu(x);
    case 3: return x * sigmoid(1.702 * x);
    default: return x;
  }
}

// The derivative at x.
float activateGradient(float x, uint kind) {
  float s;
  switch (kind) {
    case 1:
      s = sigmoid(x);
      return s * (1.0 + x * (1.0 - s));
    case 2: return geluGradient(x);
    case 3:
      s = sigmoid(1.702 * x);
      return s * (1.0 + 1.702 * x * (1.0 - s));
    default: return 1.0;
  }
}

vec2 gelu(vec2 x) { return vec2(gelu(x.x), gelu(x.y)); }
vec2 activate(vec2 x, uint kind) { return vec2(activate(x.x, kind), activate(x.y, kind)); }
vec2 activateGradient(vec2 x, uint kind) {
  return vec2(activateGradient(x.x, kind), activateGradient(x.y, kind));
}

#endif
