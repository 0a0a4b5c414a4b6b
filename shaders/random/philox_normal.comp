// Standard normal numbers: Philox words of (key, counter), then Box and Muller.
// Shapes: keys i32 [N, 5], y f32 [N, size]. An invocation makes four numbers; flat over
// [N, blocks], blocks = ceil(size / 4). Mapping: common/elementwise.glsl.
// Meaning: Graph/Operations/PhiloxNormal.swift
#version 460
#include "common/storage.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "common/math.glsl"
#include "parameters/philox_normal.h"
#include "random/philox.glsl"

// ln((word + 1/2) / 2^32). Near 1 through the distance to 1, which f32 holds to full precision.
float logarithmOfUniform(uint word) {
  bool isNearOne = word >= 0xc0000000u;
  precise float distance = (float(~word) + 0.5) * (1.0 / 4294967296.0);
  precise float u = (float(word) + 0.5) * (1.0 / 4294967296.0);
  return isNearOne ? logarithmOnePlusReduced(-distance) : logarithm(u);
}

vec2 normalPair(uint a, uint b) {
  float radius = sqrt(-2.0 * logarithmOfUniform(a));
  float sine, cosine;
  sineCosineOfTurn(b, sine, cosine);
  return radius * vec2(cosine, sine);
}

void main() {
  uint first = firstElement();
  Counter k = counterAt(first, p.blocks, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.blocks, 1);
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    uint key[5];
    for (uint j = 0; j < 5; j++) key[j] = UintArray(p.keys).at[k.outer * 5 + j];
    uvec4 words = philox(uvec2(key[0], key[1]), uvec4(k.inner, key[2], key[3], key[4]));
    vec4 numbers = vec4(normalPair(words.x, words.y), normalPair(words.z, words.w));
    for (uint j = 0; j < 4; j++) {
      uint element = 4 * k.inner + j;
      if (element < p.size) storeF32(p.y, k.outer * p.size + element, numbers[j]);
    }
    advance(k, stride, p.blocks, 1);
  }
}
