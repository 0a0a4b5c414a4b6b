// Tensors in units of a Value: one element, or with PAIRS two neighbours in one load. Loads are what
// counts on lavapipe, where each one is a gather, and a pair of 16-bit values is one word on GPUs.
//
//   VALUE_ACCESS(X, STORAGE_X)   declares Value getX(uint64_t, uint) and putX(uint64_t, uint, Value)
//
// Indices are in Values. The last Value of an odd count reaches into the tensor's padding (tensors take
// up a multiple of 256 bytes), whose contents mean nothing.
#ifndef COMMON_VALUES_GLSL
#define COMMON_VALUES_GLSL
#include "common/storage.glsl"

#ifdef PAIRS
#define Value vec2
#define VALUE_SIZE 2

vec2 getF32(uint64_t base, uint i) {
  return uintBitsToFloat(unpack32(WideArray(base).at[i]));
}
void putF32(uint64_t base, uint i, vec2 v) { WideArray(base).at[i] = pack64(floatBitsToUint(v)); }

vec2 getF16(uint64_t base, uint i) { return unpackHalf2x16(UintArray(base).at[i]); }
void putF16(uint64_t base, uint i, vec2 v) { UintArray(base).at[i] = packHalf(v); }

vec2 getBF16(uint64_t base, uint i) {
  uint word = UintArray(base).at[i];
  return uintBitsToFloat(uvec2(word << 16, word & 0xffff0000u));
}
void putBF16(uint64_t base, uint i, vec2 v) { UintArray(base).at[i] = packBrain(v); }

#define VALUE_GET_0 getF32
#define VALUE_GET_1 getF16
#define VALUE_GET_2 getBF16
#define VALUE_PUT_0 putF32
#define VALUE_PUT_1 putF16
#define VALUE_PUT_2 putBF16
float total(vec2 v) { return v.x + v.y; }

#else
#define Value float
#define VALUE_SIZE 1
#define VALUE_GET_0 loadF32
#define VALUE_GET_1 loadF16
#define VALUE_GET_2 loadBF16
#define VALUE_GET_3 loadI32
#define VALUE_PUT_0 storeF32
#define VALUE_PUT_1 storeF16
#define VALUE_PUT_2 storeBF16
#define VALUE_PUT_3 storeI32
float total(float v) { return v; }
#endif

#define VALUE_ACCESS(NAME, DTYPE)                                                            \
  Value get##NAME(uint64_t base, uint i) { return STORAGE_PICK(VALUE_GET_, DTYPE)(base, i); } \
  void put##NAME(uint64_t base, uint i, Value v) { STORAGE_PICK(VALUE_PUT_, DTYPE)(base, i, v); }

#endif
