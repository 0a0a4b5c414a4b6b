// Loads of a subgroup whose LANES lanes share what they load: each lane brings two neighbours, and a
// broadcast with a constant lane hands one to all. For CPUs, where a load is a gather however little it
// brings, and such a broadcast one instruction.
//
//   PAIR_ACCESS(A, STORAGE_A)   declares vec2 loadPairA(uint64_t, uint), of elements i and i + 1, i even
#ifndef PRODUCT_SHARED_LOADS_GLSL
#define PRODUCT_SHARED_LOADS_GLSL
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "product/quad.glsl"

vec2 loadPairF32(uint64_t base, uint i) {
  return uintBitsToFloat(unpack32(WideArray(base + 4 * uint64_t(i)).at[0]));
}
vec2 loadPairF16(uint64_t base, uint i) {
  return unpackHalf2x16(UintArray(base + 2 * uint64_t(i)).at[0]);
}
vec2 loadPairBF16(uint64_t base, uint i) {
  uint bits = UintArray(base + 2 * uint64_t(i)).at[0];
  return uintBitsToFloat(uvec2(bits << 16, bits & 0xffff0000u));
}
#define PAIR_LOAD_0 loadPairF32
#define PAIR_LOAD_1 loadPairF16
#define PAIR_LOAD_2 loadPairBF16
#define PAIR_ACCESS(NAME, DTYPE) \
  vec2 loadPair##NAME(uint64_t base, uint i) { return STORAGE_PICK(PAIR_LOAD_, DTYPE)(base, i); }

#endif
