// sums[n, part] = (sum of mask e, sum of mask) over the elements of the part.
// Shapes: see parameters/sample_loss.h. A workgroup: one part of one sample; lanes run over its elements.
// Meaning: Graph/Operations/SampleLoss.swift
#version 460
#include "common/storage.glsl"
#include "common/counter.glsl"
#include "common/index.glsl"
#include "common/reduce.glsl"
#include "loss/sample_loss.glsl"

layout(local_size_x_id = 0) in;
STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(T, STORAGE_T)

void main() {
  uint part = linearGroup();
  if (part >= p.samples * p.parts) return;
  uint sampleIndex = part / p.parts;
  uint size = p.places * p.channels;
  uint e = (part - sampleIndex * p.parts) * p.elementsOfPart;
  uint end = min(e + p.elementsOfPart, size);
  e += gl_LocalInvocationIndex;
  Counter k = counterAt(e, p.channels, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.channels, 1);
  LongSum sum = longSum();
  while (e < end) {
    uint stop = min(e + CHUNK * gl_WorkGroupSize.x, end);
    vec2 chunk = vec2(0);
    for (; e < stop; e += gl_WorkGroupSize.x) {
      uint i = sampleIndex * size + e;
      float error = lossError(loadX(p.prediction, i) - loadT(p.target, i));
#ifdef HAS_MASK
      float mask = loadF32(p.mask, sampleIndex * p.places + k.outer);
      chunk += mask * vec2(error, 1);
      advance(k, stride, p.channels, 1);
#else
      chunk.x += error;
#endif
    }
    add(sum, chunk);
  }
  vec2 total = groupSum(sum.value);
  if (gl_LocalInvocationIndex == 0) {
    storeF32(p.sums, 2 * part, total.x);
    storeF32(p.sums, 2 * part + 1, total.y);
  }
}
