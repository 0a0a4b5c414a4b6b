// A workgroup's share of a flat index space: ITEMS strides of side by side lanes, so that lanes touch
// contiguous memory and a CPU's group has a long loop (ElementwiseShape in Shaders/Lowering).
//
//   for (uint i = firstElement(); i < endElement(count); i += gl_WorkGroupSize.x)
#ifndef COMMON_ELEMENTWISE_GLSL
#define COMMON_ELEMENTWISE_GLSL
#include "common/index.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint ITEMS = 4;

uint firstElement() {
  return linearGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationIndex;
}
uint endElement(uint count) {
  return min((linearGroup() + 1) * gl_WorkGroupSize.x * ITEMS, count);
}

#endif
