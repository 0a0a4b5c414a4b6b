// Linear indices over folded launches (see foldedGroups in Sources/Shaders/Lowering/Launch.swift).
#ifndef COMMON_INDEX_GLSL
#define COMMON_INDEX_GLSL

uint linearGroup() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }

#endif
