// y = a + b, where b is repeated along the dimensions in which it has size 1.
// Shapes and mapping: broadcast.glsl. Meaning: Graph/Operations/Add.swift
#version 460
#include "common/storage.glsl"

float combine(uint i, float b);
#include "elementwise/broadcast.glsl"

float combine(uint i, float b) { return loadA(p.a, i) + b; }

void main() { broadcastElements(); }
