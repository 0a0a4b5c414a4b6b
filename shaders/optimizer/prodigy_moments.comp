// Moments of Prodigy, and the sums that its distance is estimated from; scale < 0 copies what was there.
// Shapes: by tensor p, g, m, v, s, p0 [its elements]; control f32 [2]; sums f32 [workgroups, 2]. Mapping:
// a workgroup for each chunk (optimizer/tensors.glsl); each element is read before it is written.
// Meaning: Graph/Operations/Prodigy.swift
#version 460
#include "optimizer/tensors.glsl"
#include "common/reduce.glsl"
#include "optimizer/prodigy.glsl"
#include "parameters/prodigy_moments.h"

layout(local_size_x_id = 0) in;
VALUE_ACCESS(P, STORAGE_P)
VALUE_ACCESS(G, STORAGE_G)
VALUE_ACCESS(F, 0)

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = updatedTensor(p.table, p.entryWords, p.tensors, group);
  float scale = loadF32(p.scale, 0);
  float t = loadF32(p.step, 0);
  float d = loadF32(p.control, 0);
  bool isSkipped = scale < 0.0;
  bool isFirst = t == 1.0 && !isSkipped;
  float rate = rateOf(
      d, loadF32(p.learningRate, 0), t, p.correctsBias != 0, p.logBeta1, p.logBeta2);
  float factor = d / p.d0 * (p.safeguardsWarmup != 0 ? d : rate);
  uint count = (tensor.count + 1) / 2;  // in pairs
  uint end = min((tensor.group + 1) * CHUNK_VALUES, count);
  vec2 sums = vec2(0);
  for (uint i = tensor.group * CHUNK_VALUES + gl_LocalInvocationIndex; i < end;
       i += gl_WorkGroupSize.x) {
    Value parameter = getP(address(tensor, 0), i);
    Value g = scale * getG(address(tensor, 1), i);
    Value m = getF(address(tensor, 2), i);
    Value v = getF(address(tensor, 3), i);
    Value s = getF(address(tensor, 4), i);
    Value start = getP(address(tensor, 5), i);
    if (isFirst) start = parameter;
    Value s1 = p.beta3 * s + factor * g;
    Value product = g * (start - parameter), size = abs(s1);
    if (2 * i + 1 >= tensor.count) product.y = size.y = 0;  // padding
    sums += vec2(total(product), total(size));
    Value m1 = m + p.weight1 * (d * g - m);
    Value v1 = p.beta2 * v + p.weight2 * (d * g) * (d * g);
    putF(address(tensor, 6), i, isSkipped ? m : m1);
    putF(address(tensor, 7), i, isSkipped ? v : v1);
    putF(address(tensor, 8), i, isSkipped ? s : s1);
    putP(address(tensor, 9), i, start);
  }
  sums = groupSum(sums);
  if (gl_LocalInvocationIndex != 0) return;
  storeF32(p.sums, 2 * group, isSkipped ? 0.0 : sums.x);
  storeF32(p.sums, 2 * group + 1, isSkipped ? 0.0 : sums.y);
}
