// AdamW with moments in 8 bits: m = map[code] absmax by blocks of 256 elements.
// Shapes: by tensor p, g [its elements], codes of m and v u8 [its elements], absmax of m and v f32
// [blocks]; learningRate, t, scale f32 [1]. Mapping: a workgroup for each chunk of eight blocks
// (optimizer/tensors.glsl), one block after another, QUADS times four elements to a lane, which keeps
// them while the block's largest magnitudes are found. All is read before it is written.
// Meaning: Graph/Operations/AdamW8Bit.swift
#version 460
#include "optimizer/tensors.glsl"
#include "optimizer/rounding.glsl"
#include "common/math.glsl"
#include "common/reduce.glsl"
#include "parameters/adamw_8bit.h"

layout(local_size_x_id = 0) in;
VALUE_ACCESS(P, STORAGE_P)
VALUE_ACCESS(G, STORAGE_G)
ROUNDING_ACCESS(P, STORAGE_P)

const uint BLOCK = 256;
const uint SIGNED = 0, UNSIGNED = 256;  // places of the maps

#ifdef SINGLE_SUBGROUP
float mapAt(uint i) { return FloatArray(p.maps).at[i]; }
void loadMaps() {}
#else
shared float maps[512];
float mapAt(uint i) { return maps[i]; }
void loadMaps() {
  for (uint i = gl_LocalInvocationIndex; i < 512; i += gl_WorkGroupSize.x) {
    maps[i] = FloatArray(p.maps).at[i];
  }
  barrier();
}
#endif

// The nearest code; a moment's sign stays.
uint codeOf(uint map, float value, float absmax) {
  float x = absmax > 0.0 ? value / absmax : 0.0;
  uint low = 0;
  [[unroll]] for (uint step = 128; step > 0; step /= 2) {
    if (mapAt(map + low + step) <= x) low += step;
  }
  if (low < 255 && x > 0.5 * (mapAt(map + low) + mapAt(map + low + 1))) low++;
  if ((mapAt(map + low) < 0.0) != (value < 0.0)) low += value > 0.0 ? 1 : -1;
  return low;
}

uint codesOf(uint map, vec4 values, float absmax) {
  uint codes = 0;
  for (uint c = 0; c < 4; c++) codes |= codeOf(map, values[c], absmax) << (8 * c);
  return codes;
}

vec4 valuesOf(uint map, uint codes, float absmax) {
  vec4 values;
  for (uint c = 0; c < 4; c++) values[c] = mapAt(map + ((codes >> (8 * c)) & 0xffu)) * absmax;
  return values;
}

void main() {
  uint group = linearGroup();
  if (group >= p.groups) return;
  loadMaps();
  UpdatedTensor tensor = updatedTensor(p.table, p.entryWords, p.tensors, group);
  float learningRate = loadF32(p.learningRate, 0);
  float t = loadF32(p.step, 0);
  float scale = loadF32(p.scale, 0);
  bool isSkipped = scale < 0.0;
  float correction = sqrt(-exponentialMinusOne(t * p.logBeta2));
  float rate = learningRate * correction / -exponentialMinusOne(t * p.logBeta1);
  float decay = 1.0 - learningRate * p.weightDecay;
  uvec2 seed = uvec2(p.seedLow, p.seedHigh);

  for (uint b = 0; b < CHUNK_ELEMENTS / BLOCK; b++) {
    uint first = tensor.group * CHUNK_ELEMENTS + b * BLOCK;
    if (first >= tensor.count) break;
    uint block = first / BLOCK;
    float oldM = loadF32(address(tensor, 4), block), oldV = loadF32(address(tensor, 5), block);
    vec4 m[QUADS], v[QUADS];
    vec2 largest = vec2(0);
    for (uint j = 0; j < QUADS; j++) {
      uint quad = j * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
      uint element = first + 4 * quad;
      m[j] = v[j] = vec4(0);
      if (element >= tensor.count) continue;
      uint i = element / 2;
      uint oldCodesM = UintArray(address(tensor, 2)).at[element / 4];
      uint oldCodesV = UintArray(address(tensor, 3)).at[element / 4];
      vec4 parameter = vec4(getP(address(tensor, 0), i), getP(address(tensor, 0), i + 1));
      if (isSkipped) {
        putP(address(tensor, 6), i, parameter.xy);
        putP(address(tensor, 6), i + 1, parameter.zw);
        UintArray(address(tensor, 7)).at[element / 4] = oldCodesM;
        UintArray(address(tensor, 8)).at[element / 4] = oldCodesV;
        continue;
      }
      vec4 g = scale * vec4(getG(address(tensor, 1), i), getG(address(tensor, 1), i + 1));
      m[j] = valuesOf(SIGNED, oldCodesM, oldM);
      v[j] = valuesOf(UNSIGNED, oldCodesV, oldV);
      m[j] += p.weight1 * (g - m[j]);
      v[j] = p.beta2 * v[j] + p.weight2 * g * g;
      vec4 updated = parameter - rate * m[j] / (sqrt(v[j]) + p.epsilon * correction);
      updated *= decay;
      uvec4 exponents = floatBitsToUint(g) & 0x7f800000u;
      for (uint c = 0; c < 4; c++) {
        bool isFinite = exponents[c] != 0x7f800000u;
        if (!isFinite) updated[c] = parameter[c];
        if (!isFinite || element + c >= tensor.count) m[j][c] = v[j][c] = 0;
        largest = max(largest, vec2(abs(m[j][c]), v[j][c]));
      }
      uint pair = b * BLOCK / 2 + 2 * quad;  // in the chunk
      uint place = tensor.group * BLOCKS_OF_CHUNK + pair % BLOCKS_OF_CHUNK;
      uint word = pair / BLOCKS_OF_CHUNK;
      uvec4 low = randomP(seed, place, tensor.index, uint(t), 0);
      uvec4 high = randomP(seed, place + 1, tensor.index, uint(t), 0);
      putRoundedP(address(tensor, 6), i, updated.xy, low[word]);
      putRoundedP(address(tensor, 6), i + 1, updated.zw, high[word]);
    }
    largest = groupMax(largest);
    if (gl_LocalInvocationIndex == 0) {
      storeF32(address(tensor, 9), block, isSkipped ? oldM : largest.x);
      storeF32(address(tensor, 10), block, isSkipped ? oldV : largest.y);
    }
    if (isSkipped) continue;
    for (uint j = 0; j < QUADS; j++) {
      uint element = first + 4 * (j * gl_WorkGroupSize.x + gl_LocalInvocationIndex);
      if (element >= tensor.count) continue;
      UintArray(address(tensor, 7)).at[element / 4] = codesOf(SIGNED, m[j], largest.x);
      UintArray(address(tensor, 8)).at[element / 4] = codesOf(UNSIGNED, v[j], largest.y);
    }
  }
}
