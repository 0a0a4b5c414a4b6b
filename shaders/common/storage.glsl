// Typed access to tensors by device address. Storage is f32 (0), f16 (1), bf16 (2) or i32 (3), by
// macro; arithmetic is f32. bf16 without an extension is 16-bit integers and shifts.
//
//   #define STORAGE_X 2            given by the launch
//   STORAGE_ACCESS(X, STORAGE_X)   declares float loadX(uint64_t, uint) and storeX(uint64_t, uint, float)
//
// Element offsets are 32-bit: no tensor has more than 2^31 elements (an arena is about 1 GiB).
#ifndef COMMON_STORAGE_GLSL
#define COMMON_STORAGE_GLSL

#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_control_flow_attributes : require

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer FloatArray { float at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer UintArray { uint at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer IntArray { int at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer HalfArray { uint16_t at[]; };
// 64-bit loads: two f32 or four 16-bit values at once. The address must be a multiple of 8.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer WideArray { uint64_t at[]; };

float loadF32(uint64_t base, uint i) { return FloatArray(base).at[i]; }
void storeF32(uint64_t base, uint i, float v) { FloatArray(base).at[i] = v; }

// f16 of v by bits, rounded to nearest even, infinity from 65520 on: packHalf2x16 rounds as the driver
// likes, and one that rounds towards zero hides overflows, which loss scaling must see. With ROUNDS_HALF the
// driver is known to round as this does, and takes one instruction for ten.
uvec2 halfBits(vec2 v) {
  uvec2 bits = floatBitsToUint(v);
  uvec2 magnitude = bits & 0x7fffffffu;
  // The exponent's bias from 127 to 15 and half of a last place, less one if even.
  uvec2 rounded = (magnitude + 0xc8000fffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below 2^-14: 0.5's last place is 2^-24, f16's smallest.
  uvec2 small = floatBitsToUint(uintBitsToFloat(magnitude) + 0.5) - 0x3f000000u;
  rounded = mix(rounded, small, lessThan(magnitude, uvec2(0x38800000u)));
  rounded = mix(rounded, uvec2(0x7c00u), greaterThanEqual(magnitude, uvec2(0x47800000u)));
  rounded = mix(rounded, uvec2(0x7e00u), greaterThan(magnitude, uvec2(0x7f800000u)));
  return rounded | ((bits >> 16) & 0x8000u);
}
uint packHalf(vec2 v) {
#ifdef ROUNDS_HALF
  return packHalf2x16(v);
#else
  uvec2 bits = halfBits(v);
  return bits.x | (bits.y << 16);
#endif
}
uvec2 packHalfQuad(vec4 v) { return uvec2(packHalf(v.xy), packHalf(v.zw)); }

float loadF16(uint64_t base, uint i) {
  return unpackHalf2x16(uint(HalfArray(base).at[i])).x;
}
void storeF16(uint64_t base, uint i, float v) {
  HalfArray(base).at[i] = uint16_t(packHalf(vec2(v, 0.0)) & 0xffffu);
}

float loadBF16(uint64_t base, uint i) {
  return uintBitsToFloat(uint(HalfArray(base).at[i]) << 16);
}
// bf16 of v by bits, rounded to nearest even.
uvec2 brainBits(vec2 v) {
  uvec2 bits = floatBitsToUint(v);
  uvec2 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  // By bits: compilers that count on finite values drop isnan.
  bvec2 isNaN = greaterThan(bits & 0x7fffffffu, uvec2(0x7f800000u));
  return mix(rounded, uvec2(0x7fc0u), isNaN);
}
uint packBrain(vec2 v) {
  uvec2 bits = brainBits(v);
  return bits.x | (bits.y << 16);
}
uvec2 packBrainQuad(vec4 v) { return uvec2(packBrain(v.xy), packBrain(v.zw)); }
void storeBF16(uint64_t base, uint i, float v) {
  HalfArray(base).at[i] = uint16_t(brainBits(vec2(v)).x);
}

float loadI32(uint64_t base, uint i) { return float(IntArray(base).at[i]); }
void storeI32(uint64_t base, uint i, float v) { IntArray(base).at[i] = int(v); }

#define STORAGE_LOAD_0 loadF32
#define STORAGE_LOAD_1 loadF16
#define STORAGE_LOAD_2 loadBF16
#define STORAGE_LOAD_3 loadI32
#define STORAGE_STORE_0 storeF32
#define STORAGE_STORE_1 storeF16
#define STORAGE_STORE_2 storeBF16
#define STORAGE_STORE_3 storeI32
#define STORAGE_JOIN(a, b) a##b
#define STORAGE_PICK(a, b) STORAGE_JOIN(a, b)

#define STORAGE_ACCESS(NAME, DTYPE) \
  float load##NAME(uint64_t base, uint i) { return STORAGE_PICK(STORAGE_LOAD_, DTYPE)(base, i); } \
  void store##NAME(uint64_t base, uint i, float v) { STORAGE_PICK(STORAGE_STORE_, DTYPE)(base, i, v); }

#endif
