// Stores with stochastic rounding. Meaning: Graph/StochasticRounding.swift
//
//   ROUNDING_ACCESS(P, STORAGE_P)   declares uvec4 randomP(seed, block, tensor, t, role) and
//                                   putRoundedP(address, i, Value, word)
//
// Pair q takes word q / 256 % 4 of block q / 1024 * 256 + q % 256: lanes go over blocks, and each makes
// the words of four pairs at once. f32 is stored as it is, and needs no random words. Needs PAIRS.
#ifndef OPTIMIZER_ROUNDING_GLSL
#define OPTIMIZER_ROUNDING_GLSL
#include "common/values.glsl"
#include "random/philox.glsl"

// Blocks of four pairs in a chunk of 2048 elements, and the distance of the pairs.
const uint BLOCKS_OF_CHUNK = 256;

uvec4 randomWords(uvec2 seed, uint block, uint tensor, uint t, uint role) {
  return philox(seed, uvec4(block, tensor, t, 16 + role));
}

uint roundedBF16(float v, uint random) {
  uint bits = floatBitsToUint(v);
  uint magnitude = bits & 0x7fffffffu;
  uint special = magnitude > 0x7f800000u ? 0x7fc0u : bits >> 16;
  return magnitude < 0x7f800000u ? (bits + random) >> 16 : special;
}

uint roundedF16(float v, uint random) {
  uint bits = floatBitsToUint(v);
  uint sign = (bits >> 16) & 0x8000u;
  uint magnitude = bits & 0x7fffffffu;
  uint normal = (magnitude + 0xc8000000u + (random >> 3)) >> 13;
  float places = uintBitsToFloat(min(magnitude, 0x38800000u)) * 16777216.0;
  float below = floor(places);
  uint small = uint(below) + uint((places - below) * 65536.0 > float(random));
  uint special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  uint half_ = magnitude < 0x38800000u ? small : normal;
  return sign | (magnitude >= 0x47800000u ? special : half_);
}

void putRoundedF32(uint64_t base, uint i, vec2 v, uint word) { putF32(base, i, v); }
void putRoundedF16(uint64_t base, uint i, vec2 v, uint word) {
  UintArray(base).at[i] =
      roundedF16(v.x, word & 0xffffu) | (roundedF16(v.y, word >> 16) << 16);
}
void putRoundedBF16(uint64_t base, uint i, vec2 v, uint word) {
  UintArray(base).at[i] =
      roundedBF16(v.x, word & 0xffffu) | (roundedBF16(v.y, word >> 16) << 16);
}

#define VALUE_PUT_ROUNDED_0 putRoundedF32
#define VALUE_PUT_ROUNDED_1 putRoundedF16
#define VALUE_PUT_ROUNDED_2 putRoundedBF16

#define ROUNDING_ACCESS(NAME, DTYPE)                                                      \
  uvec4 random##NAME(uvec2 seed, uint block, uint tensor, uint t, uint role) {            \
    if (DTYPE == 0) return uvec4(0);                                                      \
    return randomWords(seed, block, tensor, t, role);                                     \
  }                                                                                       \
  void putRounded##NAME(uint64_t base, uint i, Value v, uint word) {                      \
    STORAGE_PICK(VALUE_PUT_ROUNDED_, DTYPE)(base, i, v, word);                            \
  }

#endif
