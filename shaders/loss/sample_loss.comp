// perSample[n] = error sum / divisor, loss = sum of weight[n] perSample[n], in order.
// Shapes: see parameters/sample_loss.h. One workgroup; lanes run over the parts of a sample.
// Meaning: Graph/Operations/SampleLoss.swift
#version 460
#include "common/storage.glsl"
#include "common/reduce.glsl"
#include "loss/sample_loss.glsl"

layout(local_size_x_id = 0) in;

void main() {
  LongSum loss = longSum();
  for (uint n = 0; n < p.samples; n++) {
    LongSum sum = longSum();
    for (uint part = gl_LocalInvocationIndex; part < p.parts; part += gl_WorkGroupSize.x) {
      uint source = 2 * (n * p.parts + part);
      add(sum, vec2(loadF32(p.sums, source), loadF32(p.sums, source + 1)));
    }
    vec2 total = groupSum(sum.value);
    float mean = total.x / lossDivisor(total.y);
    add(loss, vec2(loadF32(p.weight, n) * mean, 0));
    if (gl_LocalInvocationIndex == 0) storeF32(p.perSample, n, mean);
  }
  if (gl_LocalInvocationIndex == 0) storeF32(p.loss, 0, loss.value.x);
}
