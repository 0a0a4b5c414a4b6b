// c[i] = scale * a[i] + b[i], by addresses; one invocation an element, groups folded in rows.
// vector_add.spv is made by: glslc --target-env=vulkan1.3 -O vector_add.comp -o vector_add.spv
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const float scale = 1.0;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float at[]; };
layout(push_constant, scalar) uniform Parameters {
  uint64_t a, b, c;
  uint count;
} p;

void main() {
  uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint i = group * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= p.count) return;
  Floats(p.c).at[i] = scale * Floats(p.a).at[i] + Floats(p.b).at[i];
}
