// x[i] = 1664525 x[i] + 1013904223, `rounds` times (a linear congruential generator): work whose
// length is known and whose result tells how often it ran.
// recurrence.spv is made by: glslc --target-env=vulkan1.3 -O recurrence.comp -o recurrence.spv
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(local_size_x = 64) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words { uint at[]; };
layout(push_constant, scalar) uniform Parameters {
  uint64_t x;
  uint count, rounds;
} p;

void main() {
  uint i = gl_GlobalInvocationID.x;
  if (i >= p.count) return;
  uint value = Words(p.x).at[i];
  for (uint round = 0; round < p.rounds; round++) value = 1664525u * value + 1013904223u;
  Words(p.x).at[i] = value;
}
