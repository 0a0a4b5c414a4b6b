// Matrix units: C += A B for fragments that a subgroup holds together, f16 or bf16 operands, f32 sums.
// The shape MATRIX_M x MATRIX_N x MATRIX_K is one that the device lists
// (vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR), given as constants 1, 2, 3.
//
//   MatrixA [M, K], MatrixB [K, N], MatrixSum [M, N]
//   LOAD_MATRIX(fragment, array, index, stride, isColumnMajor)   from shared memory
//   MULTIPLY_ADD(sum, a, b)
//   STORE_MATRIX(sum, array, index, stride)                      row by row, to shared memory
//   LOAD_SUMS(sum, array, index, stride)                         the way back
//   LOAD_SUM_COLUMNS(sum, array, index, stride)                  the same, column by column
//   STORE_HALF(sum, array, index, stride)                        rounded to f16 (not emulated)
//   EACH_ELEMENT(e, sum) ELEMENT(sum, e)                         a lane's elements, wherever they stand
//   ADD_ELEMENTS(sum, other), SUBTRACT_ELEMENTS(sum, other)      fragments of sums, element by element
//   packed(vec4)                                                 four numbers in the operands' type
//
// Index and stride count elements of the shared array, whatever their type.
//
// With MATRIX_KHR this is GL_KHR_cooperative_matrix (glslang 13 and later). Without it is
// GL_NV_cooperative_matrix, which older ones know: a driver with that extension takes it as it is, for
// others Shaders/Compilation/CooperativeMatrixRewriting.swift turns the compiled words into the KHR form,
// which can also make A and B bf16 (no glslang of a stable distribution has the type). That the three
// dimensions are different constants keeps the types of A, B and the sums apart.
//
// With MATRIX_EMULATED a fragment of a or b is a place in shared memory and the sums are arrays, so that
// staging, masks and epilogues around matrix units can be checked on devices without them; f16 only, and
// SUBGROUP must be the size that the lanes are counted in. The kernel defines
// how shared memory is read and written (emulatedElement, emulatedStore, and emulatedLoad for loads of sums).
#ifndef COMMON_MATRIX_GLSL
#define COMMON_MATRIX_GLSL
#include "common/repeat.glsl"
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_control_flow_attributes : require
#include "common/storage.glsl"

// Four numbers in the operands' type.
uvec2 packed(vec4 v) {
#if MATRIX_TYPE == 2
  return packBrainQuad(v);
#else
  return packHalfQuad(v);
#endif
}

#ifdef MATRIX_EMULATED

#ifndef EMULATED_M
#define EMULATED_M 16
#define EMULATED_N 16
#define EMULATED_K 16
#endif
const uint MATRIX_M = EMULATED_M;
const uint MATRIX_N = EMULATED_N;
const uint MATRIX_K = EMULATED_K;
const uint LANE_ELEMENTS = MATRIX_M * MATRIX_N / SUBGROUP;

struct MatrixPlace {
  uint index;
  uint stride;
  bool isColumnMajor;
};
struct MatrixElements {
  float at[LANE_ELEMENTS];
};
#define MatrixA MatrixPlace
#define MatrixB MatrixPlace
#define MatrixSum MatrixElements

// What a subgroup wrote to shared memory can be read by its other lanes.
void syncSubgroup() { barrier(); }
uint matrixLane() { return gl_LocalInvocationIndex % SUBGROUP; }
uint matrixSubgroup() { return gl_LocalInvocationIndex / SUBGROUP; }
// n, unknown to the compiler, which else unrolls these loops for minutes (launches are one deep in z).
uint count(uint n) { return n * gl_NumWorkGroups.z; }

MatrixElements zeroMatrix() {
  MatrixElements m;
  for (uint e = 0; e < count(LANE_ELEMENTS); e++) m.at[e] = 0;
  return m;
}

// Element (row, column) of a fragment in shared memory: the kernel knows the array.
float emulatedElement(MatrixPlace place, uint row, uint column);
void emulatedStore(uint index, uint stride, uint row, uint column, float value);

void multiplyAddEmulated(inout MatrixElements sum, MatrixPlace a, MatrixPlace b) {
  for (uint e = 0; e < count(LANE_ELEMENTS); e++) {
    uint row = (e * SUBGROUP + matrixLane()) / MATRIX_N;
    uint column = (e * SUBGROUP + matrixLane()) % MATRIX_N;
    float total = sum.at[e];
    // Unrolled: lavapipe ends every loop when an invocation has had 65,535 turns in all.
    [[unroll]] for (uint k = 0; k < MATRIX_K; k++) {
      total += emulatedElement(a, row, k) * emulatedElement(b, k, column);
    }
    sum.at[e] = total;
  }
}
void storeEmulated(MatrixElements sum, uint index, uint stride) {
  for (uint e = 0; e < count(LANE_ELEMENTS); e++) {
    uint i = e * SUBGROUP + matrixLane();
    emulatedStore(index, stride, i / MATRIX_N, i % MATRIX_N, sum.at[e]);
  }
}
#ifdef LOADS_SUMS
float emulatedLoad(uint index, uint stride, uint row, uint column);
MatrixElements loadEmulated(uint index, uint stride) {
  MatrixElements sum;
  for (uint e = 0; e < count(LANE_ELEMENTS); e++) {
    uint i = e * SUBGROUP + matrixLane();
    sum.at[e] = emulatedLoad(index, stride, i / MATRIX_N, i % MATRIX_N);
  }
  return sum;
}
MatrixElements loadEmulatedColumns(uint index, uint stride) {
  MatrixElements sum;
  for (uint e = 0; e < count(LANE_ELEMENTS); e++) {
    uint i = e * SUBGROUP + matrixLane();
    sum.at[e] = emulatedLoad(index, stride, i % MATRIX_N, i / MATRIX_N);
  }
  return sum;
}
#define LOAD_SUMS(sum, array, first, lineStride) sum = loadEmulated(first, lineStride)
#define LOAD_SUM_COLUMNS(sum, array, first, lineStride) sum = loadEmulatedColumns(first, lineStride)
#endif
#define LOAD_MATRIX(fragment, array, first, lineStride, columnMajor) \
  fragment = MatrixPlace(first, lineStride, columnMajor)
#define MULTIPLY_ADD(sum, a, b) multiplyAddEmulated(sum, a, b)
#define STORE_MATRIX(sum, array, first, lineStride) storeEmulated(sum, first, lineStride)
#define EACH_ELEMENT(e, sum) for (uint e = 0; e < count(LANE_ELEMENTS); e++)
#define ADD_ELEMENTS(sum, other) EACH_ELEMENT(e_, sum) sum.at[e_] += other.at[e_];
#define SUBTRACT_ELEMENTS(sum, other) EACH_ELEMENT(e_, sum) sum.at[e_] -= other.at[e_];
#define ELEMENT(sum, e) sum.at[e]

#else

#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
layout(constant_id = 1) const uint MATRIX_M = 16;
layout(constant_id = 2) const uint MATRIX_N = 16;
layout(constant_id = 3) const uint MATRIX_K = 16;

void syncSubgroup() {
  subgroupMemoryBarrierShared();
  subgroupBarrier();
}
uint matrixLane() { return gl_SubgroupInvocationID; }
uint matrixSubgroup() { return gl_SubgroupID; }

#ifdef MATRIX_KHR
#extension GL_KHR_cooperative_matrix : require
#if MATRIX_TYPE == 2
#extension GL_EXT_bfloat16 : require
#define MatrixElement bfloat16_t
#else
#define MatrixElement float16_t
#endif
#define MatrixA coopmat<MatrixElement, gl_ScopeSubgroup, MATRIX_M, MATRIX_K, gl_MatrixUseA>
#define MatrixB coopmat<MatrixElement, gl_ScopeSubgroup, MATRIX_K, MATRIX_N, gl_MatrixUseB>
#define MatrixSum coopmat<float, gl_ScopeSubgroup, MATRIX_M, MATRIX_N, gl_MatrixUseAccumulator>
#define MatrixHalf coopmat<float16_t, gl_ScopeSubgroup, MATRIX_M, MATRIX_N, gl_MatrixUseAccumulator>
#define LOAD_MATRIX(fragment, array, index, stride, isColumnMajor) \
  coopMatLoad(fragment, array, index, stride,                      \
      isColumnMajor ? gl_CooperativeMatrixLayoutColumnMajor : gl_CooperativeMatrixLayoutRowMajor)
#define MULTIPLY_ADD(sum, a, b) sum = coopMatMulAdd(a, b, sum)
#define STORE_MATRIX(sum, array, index, stride) \
  coopMatStore(sum, array, index, stride, gl_CooperativeMatrixLayoutRowMajor)
#define STORE_HALF(sum, array, index, stride) \
  coopMatStore(MatrixHalf(sum), array, index, stride, gl_CooperativeMatrixLayoutRowMajor)
#define LOAD_SUMS(sum, array, index, stride) \
  coopMatLoad(sum, array, index, stride, gl_CooperativeMatrixLayoutRowMajor)
#define LOAD_SUM_COLUMNS(sum, array, index, stride) \
  coopMatLoad(sum, array, index, stride, gl_CooperativeMatrixLayoutColumnMajor)
#else
#extension GL_NV_cooperative_matrix : require
#define MatrixA fcoopmatNV<16, gl_ScopeSubgroup, MATRIX_M, MATRIX_K>
#define MatrixB fcoopmatNV<16, gl_ScopeSubgroup, MATRIX_K, MATRIX_N>
#define MatrixSum fcoopmatNV<32, gl_ScopeSubgroup, MATRIX_M, MATRIX_N>
#define MatrixHalf fcoopmatNV<16, gl_ScopeSubgroup, MATRIX_M, MATRIX_N>
#define LOAD_MATRIX(fragment, array, index, stride, isColumnMajor) \
  coopMatLoadNV(fragment, array, index, stride, isColumnMajor)
#define MULTIPLY_ADD(sum, a, b) sum = coopMatMulAddNV(a, b, sum)
#define STORE_MATRIX(sum, array, index, stride) coopMatStoreNV(sum, array, index, stride, false)
#define STORE_HALF(sum, array, index, stride) \
  coopMatStoreNV(MatrixHalf(sum), array, index, stride, false)
#define LOAD_SUMS(sum, array, index, stride) coopMatLoadNV(sum, array, index, stride, false)
#define LOAD_SUM_COLUMNS(sum, array, index, stride) coopMatLoadNV(sum, array, index, stride, true)
#endif
#define zeroMatrix() MatrixSum(0.0)
#define ADD_ELEMENTS(sum, other) sum = sum + other;
#define SUBTRACT_ELEMENTS(sum, other) sum = sum - other;
// All that a lane has. sum.length() says the same, but is a specialization constant of an instruction that
// RADV's compiler does not know (Mesa 25.0).
#define EACH_ELEMENT(e, sum) \
  [[unroll]] for (uint e = 0; e < MATRIX_M * MATRIX_N / SUBGROUP; e++)
#define ELEMENT(sum, e) sum[e]

#endif
#endif
