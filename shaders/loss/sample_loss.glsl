// Errors by macro LOSS: 0 d^2, 1 |d|, 2 Huber with p.delta. Meaning: LossKind in
// Graph/Operations/SampleLoss.swift
#include "parameters/sample_loss.h"

float lossError(float d) {
#if LOSS == 0
  return d * d;
#elif LOSS == 1
  return abs(d);
#else
  return abs(d) <= p.delta ? 0.5 * d * d : p.delta * (abs(d) - 0.5 * p.delta);
#endif
}

float lossErrorGradient(float d) {
#if LOSS == 0
  return 2.0 * d;
#elif LOSS == 1
  return sign(d);
#else
  return isnan(d) ? d : clamp(d, -p.delta, p.delta);
#endif
}

// What the sum of a sample's errors is divided by; maskSum counts elements, not places.
float lossDivisor(float maskSum) {
#ifdef HAS_MASK
  return max(maskSum, 7.8886090522101181e-31);  // SampleLoss.tiny
#else
  return float(p.places * p.channels);
#endif
}
