// y = a b, where b is repeated along the dimensions in which it has size 1.
// Shapes and mapping: broadcast.glsl. Meaning: Graph/Operations/Multiply.swift
#version 460
#include "common/values.glsl"

Value combine(uint i, Value b);
#include "elementwise/broadcast.glsl"

Value combine(uint i, Value b) { return getA(p.a, i) * b; }

void main() { broadcastElements(); }
