// Kernel parameters are declared once, in these headers, for GLSL (push constants), for Swift
// (through CKernelParameters) and for CUDA (a kernel argument): addresses first, then 4-byte
// scalars, at most 128 bytes in all.
#ifndef VKXL_PARAMETERS_COMMON_H
#define VKXL_PARAMETERS_COMMON_H

#ifdef VULKAN
#define PARAMETERS(name) layout(push_constant) uniform name
#define END_PARAMETERS(name) p
#define ADDRESS uint64_t
#define UINT uint
#define INT int
#define FLOAT float
#else
#include <stdint.h>
#define PARAMETERS(name) typedef struct name
#define END_PARAMETERS(name) name
#define ADDRESS uint64_t
#define UINT uint32_t
#define INT int32_t
#define FLOAT float
#endif

#endif
