// R' = b R + (1 - b) (row means of g^2 + epsilon). Shapes: by tensor g [rows, columns], R f32 [rows]. A
// workgroup: a row. Meaning: Graph/Operations/Adafactor.swift
#version 460
#include "common/values.glsl"
#define FACTORED
#include "optimizer/adafactor.glsl"

VALUE_ACCESS(G, STORAGE_G)

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = tensorOf(group);
  float scale = gradientScale();
  uint columns = tensor.size / VALUE_SIZE;
  uint64_t gradient = address(tensor, 1);
  uint i = gl_LocalInvocationIndex;
  LongSum sum = longSum();
  while (i < columns) {
    uint stop = min(i + CHUNK * gl_WorkGroupSize.x, columns);
    Value chunk = Value(0);
    for (; i < stop; i += gl_WorkGroupSize.x) {
      Value g = scale * getG(gradient, tensor.group * columns + i);
      chunk += g * g;
    }
    add(sum, vec2(total(chunk), 0));
  }
  float squares = groupSum(sum.value.x);
  if (gl_LocalInvocationIndex != 0) return;
  float old = loadF32(address(tensor, 2), tensor.group);
  float mean = squares / float(tensor.size) + EPSILON;
  storeF32(
      address(tensor, ROWS_OUT), tensor.group,
      scale < 0.0 ? old : averaged(old, mean, newestWeight()));
}
