// y = b repeated, where b is repeated along the dimensions in which it has size 1.
// Shapes and mapping: broadcast.glsl. Meaning: Graph/Operations/SumTo.swift
#version 460
#include "common/storage.glsl"

float combine(uint i, float b);
#include "elementwise/broadcast.glsl"

float combine(uint i, float b) { return b; }

void main() { broadcastElements(); }
