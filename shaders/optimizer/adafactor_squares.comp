// Sums of u^2, u = g / sqrt(v). FACTORED, v = R C / mean(R), a workgroup: a row. Else
// v' = b v + (1 - b) (g^2 + epsilon) is computed on the way, a workgroup: a chunk.
// Shapes: by tensor g, v [its elements], R, C f32, sums f32 [its workgroups].
// Meaning: Graph/Operations/Adafactor.swift
#version 460
#include "common/values.glsl"
#include "optimizer/adafactor.glsl"

VALUE_ACCESS(G, STORAGE_G)

#ifdef FACTORED
float squares(UpdatedTensor tensor) {
  uint columns = tensor.size / VALUE_SIZE;
  float scale = gradientScale();
  uint i = gl_LocalInvocationIndex;
  LongSum sum = longSum();
  while (i < columns) {
    uint stop = min(i + CHUNK * gl_WorkGroupSize.x, columns);
    Value chunk = Value(0);
    for (; i < stop; i += gl_WorkGroupSize.x) {
      Value g = scale * getG(address(tensor, 1), tensor.group * columns + i);
      chunk += g * g / getF(address(tensor, COLUMNS_OUT), i);
    }
    add(sum, vec2(total(chunk), 0));
  }
  float mean = loadF32(address(tensor, SLOT), 0);
  return sum.value.x * mean / loadF32(address(tensor, ROWS_OUT), tensor.group);
}
#else
float squares(UpdatedTensor tensor) {
  float scale = gradientScale(), weight = newestWeight();
  uint count = (tensor.count + VALUE_SIZE - 1) / VALUE_SIZE;
  uint end = min((tensor.group + 1) * CHUNK_VALUES, count);
  float sum = 0;
  for (uint i = tensor.group * CHUNK_VALUES + gl_LocalInvocationIndex; i < end;
       i += gl_WorkGroupSize.x) {
    Value g = scale * getG(address(tensor, 1), i);
    Value old = getF(address(tensor, 2), i);
    Value v = old + weight * (g * g + EPSILON - old);
    putF(address(tensor, SQUARES_OUT), i, scale < 0.0 ? old : v);
    Value square = g * g / v;
    if (VALUE_SIZE * i + 1 >= tensor.count) square.y = 0;  // padding
    sum += total(square);
  }
  return sum;
}
#endif

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  UpdatedTensor tensor = tensorOf(group);
  float sum = groupSum(squares(tensor));
  if (gl_LocalInvocationIndex == 0) {
    storeF32(address(tensor, SQUARE_SUMS), tensor.group, sum);
  }
}
