// y = a where the probe is finite, else b; f32 [1] each. One invocation.
// Meaning: Graph/Operations/IfFinite.swift
#version 460
#include "common/storage.glsl"
#include "parameters/if_finite.h"

layout(local_size_x = 1) in;

void main() {
  bool isFinite = (UintArray(p.probe).at[0] & 0x7f800000u) != 0x7f800000u;
  float a = loadF32(p.a, 0);
  float b = loadF32(p.b, 0);
  storeF32(p.y, 0, isFinite ? a : b);
}
