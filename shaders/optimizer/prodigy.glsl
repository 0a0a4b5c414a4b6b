// The rate r of an update of Prodigy. Meaning: Graph/Operations/Prodigy.swift
#ifndef OPTIMIZER_PRODIGY_GLSL
#define OPTIMIZER_PRODIGY_GLSL
#include "common/math.glsl"

float rateOf(float d, float learningRate, float t, bool correctsBias, float log1, float log2) {
  float rate = d * learningRate;
  if (!correctsBias) return rate;
  return rate * sqrt(-exponentialMinusOne(t * log2)) / -exponentialMinusOne(t * log1);
}

#endif
