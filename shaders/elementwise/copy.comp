// y = x in another storage type, or, with WORD, the same bits in words of 2, 4 or 8 bytes.
// Shapes: x, y [count]. Mapping: common/elementwise.glsl. Meaning: Graph/Operations/Copy.swift
#version 460
#include "common/values.glsl"
#include "common/elementwise.glsl"
#include "parameters/copy.h"

#ifdef WORD
void main() {
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
#if WORD == 8
    WideArray(p.y).at[i] = WideArray(p.x).at[i];
#elif WORD == 4
    UintArray(p.y).at[i] = UintArray(p.x).at[i];
#else
    HalfArray(p.y).at[i] = HalfArray(p.x).at[i];
#endif
  }
}
#else
VALUE_ACCESS(X, STORAGE_X)
VALUE_ACCESS(Y, STORAGE_Y)

void main() {
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    putY(p.y, i, getX(p.x, i));
  }
}
#endif
