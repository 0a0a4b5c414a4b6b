// Four elements at a time: two 64-bit accesses in f32, one in 16-bit storage. Cost on a CPU goes by
// the number of loads, and 64 bits is the widest scalar. The first element's index must be a
// multiple of 4, so the contiguous dimension must be one too.
//
//   QUAD_ACCESS(A, STORAGE_A)   declares vec4 loadQuadA(uint64_t, uint), storeQuadA(..., vec4)
#ifndef PRODUCT_QUAD_GLSL
#define PRODUCT_QUAD_GLSL
#include "common/storage.glsl"

vec4 loadQuadF32(uint64_t base, uint i) {
  WideArray words = WideArray(base + 4 * uint64_t(i));
  uvec2 low = unpack32(words.at[0]);
  uvec2 high = unpack32(words.at[1]);
  return uintBitsToFloat(uvec4(low, high));
}
void storeQuadF32(uint64_t base, uint i, vec4 v) {
  uvec4 bits = floatBitsToUint(v);
  WideArray(base).at[i >> 1] = pack64(bits.xy);
  WideArray(base).at[(i >> 1) + 1] = pack64(bits.zw);
}

vec4 loadQuadF16(uint64_t base, uint i) {
  uvec2 bits = unpack32(WideArray(base).at[i >> 2]);
  return vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y));
}
void storeQuadF16(uint64_t base, uint i, vec4 v) {
  WideArray(base).at[i >> 2] = pack64(packHalfQuad(v));
}

vec4 loadQuadBF16(uint64_t base, uint i) {
  uvec2 bits = unpack32(WideArray(base).at[i >> 2]);
  return uintBitsToFloat(
      uvec4(bits.x << 16, bits.x & 0xffff0000u, bits.y << 16, bits.y & 0xffff0000u));
}
void storeQuadBF16(uint64_t base, uint i, vec4 v) {
  WideArray(base).at[i >> 2] = pack64(packBrainQuad(v));
}

#define QUAD_LOAD_0 loadQuadF32
#define QUAD_LOAD_1 loadQuadF16
#define QUAD_LOAD_2 loadQuadBF16
#define QUAD_STORE_0 storeQuadF32
#define QUAD_STORE_1 storeQuadF16
#define QUAD_STORE_2 storeQuadBF16

#define QUAD_ACCESS(NAME, DTYPE) \
  STORAGE_ACCESS(NAME, DTYPE) \
  vec4 loadQuad##NAME(uint64_t base, uint i) { return STORAGE_PICK(QUAD_LOAD_, DTYPE)(base, i); } \
  void storeQuad##NAME(uint64_t base, uint i, vec4 v) { \
    STORAGE_PICK(QUAD_STORE_, DTYPE)(base, i, v); \
  }

#endif
