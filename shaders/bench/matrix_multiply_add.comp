// y[i, j] = the first element of chain j, which is zero at first and then, 4 rounds times, grows by A B, of
// whose elements all of A and all of B are the same. Independent chains of fragments that stay in
// registers, and a long loop: what matrix units can do, and no more.
// Shapes: y f32 [count, CHAINS]. Mapping: one subgroup a workgroup, workgroups in a row
// (common/index.glsl). Meaning: Sources/Shaders/Benchmark/MatrixMultiplyAdd.swift
#version 460
layout(local_size_x_id = 0) in;
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#include "common/matrix.glsl"
#include "common/storage.glsl"
#include "common/index.glsl"
#include "parameters/matrix_multiply_add.h"

shared float results[MATRIX_M * MATRIX_N];

#ifdef MATRIX_EMULATED
float emulatedElement(MatrixPlace place, uint row, uint column) {
  return unpackHalf2x16(place.index == 0 ? p.aBits : p.bBits).x;
}
void emulatedStore(uint index, uint stride, uint row, uint column, float value) {
  results[row * stride + column] = value;
}
const uint OPERAND_B = 1;
#else
const uint OPERAND_B = MATRIX_M * MATRIX_K;
shared uint16_t operands[MATRIX_M * MATRIX_K + MATRIX_K * MATRIX_N];
#endif

void main() {
  uint group = linearGroup();
  if (group >= p.count) return;
#ifndef MATRIX_EMULATED
  for (uint i = gl_LocalInvocationIndex; i < operands.length(); i += gl_WorkGroupSize.x) {
    operands[i] = uint16_t(i < OPERAND_B ? p.aBits : p.bBits);
  }
  barrier();
#endif
  MatrixA a;
  MatrixB b;
  LOAD_MATRIX(a, operands, 0, MATRIX_K, false);
  LOAD_MATRIX(b, operands, OPERAND_B, MATRIX_N, false);
  MatrixSum sums[CHAINS];
  [[unroll]] for (uint j = 0; j < CHAINS; j++) sums[j] = zeroMatrix();
  for (uint n = 0; n < p.rounds; n++) {
    [[unroll]] for (uint i = 0; i < 4; i++) {
      [[unroll]] for (uint j = 0; j < CHAINS; j++) MULTIPLY_ADD(sums[j], a, b);
    }
  }
  [[unroll]] for (uint j = 0; j < CHAINS; j++) {
    STORE_MATRIX(sums[j], results, 0, MATRIX_N);
    barrier();
    if (gl_LocalInvocationIndex == 0) storeF32(p.y, group * CHAINS + j, results[0]);
    barrier();
  }
}
