// dprediction = dloss weight[n] mask e' / divisor.
// Shapes: see parameters/sample_loss.h, with sums [samples, 2] when there is a mask; flat over
// elements. Mapping: common/elementwise.glsl. Meaning: Graph/Operations/SampleLoss.swift
#version 460
#include "common/storage.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "loss/sample_loss.glsl"

STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(T, STORAGE_T)

void main() {
  uint count = p.samples * p.places * p.channels;
  float dloss = loadF32(p.dloss, 0);
  uint first = firstElement();
  Counter k = counterAt(first, p.channels, p.places);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.channels, p.places);
  for (uint i = first; i < endElement(count); i += gl_WorkGroupSize.x) {
    float scale = dloss * loadF32(p.weight, k.outer);
#ifdef HAS_MASK
    scale = scale / lossDivisor(loadF32(p.sums, 2 * k.outer + 1));
    scale *= loadF32(p.mask, k.outer * p.places + k.middle);
#else
    scale = scale / lossDivisor(0.0);
#endif
    float d = loadX(p.prediction, i) - loadT(p.target, i);
    storeX(p.dprediction, i, scale * lossErrorGradient(d));
    advance(k, stride, p.channels, p.places);
  }
}
