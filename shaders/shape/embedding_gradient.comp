// dtable[v] = sum of dy[i] over the positions i with ids[i] = v, in order; dtable is zero before.
// Shapes: ids i32 [positions], dy [positions, width] (x), dtable [V, width] (y). A workgroup: one
// position, which sums for all the later ones with its id unless an earlier one has it; lanes run
// over columns. Meaning: Graph/Operations/Embedding.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "parameters/embedding.h"

layout(local_size_x_id = 0) in;
STORAGE_ACCESS(X, STORAGE_X)
STORAGE_ACCESS(Y, STORAGE_Y)

void main() {
  uint position = linearGroup();
  if (position >= p.count) return;
  uint id = UintArray(p.ids).at[position];
  if (id >= p.vocabulary) return;
  for (uint i = 0; i < position; i++) {
    if (UintArray(p.ids).at[i] == id) return;
  }
  for (uint c = gl_LocalInvocationIndex; c < p.width; c += gl_WorkGroupSize.x) {
    float sum = 0;
    for (uint i = position; i < p.count; i++) {
      if (UintArray(p.ids).at[i] == id) sum += loadX(p.x, i * p.width + c);
    }
    storeY(p.y, id * p.width + c, sum);
  }
}
