// y[n] = [cos(t[n] f[i]) ; sin(t[n] f[i])], f[i] = maxPeriod^(-i / half), an odd last place 0.
// Shapes: t f32 [N], y f32 [N, dimension], flat over [N, half]. Frequencies and angles are rounded to
// f32 bit by bit as the meaning has it. Meaning: Graph/Operations/TimestepEmbedding.swift
#version 460
#include "common/storage.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "common/math.glsl"
#include "parameters/timestep_embedding.h"

// a / b rounded to nearest, for whole b below 4096: division itself may be off by two places. The
// quotient times b is exact in two parts, so that the remainder is too.
float divided(float a, float b) {
  precise float q = a / b;
  precise float high = uintBitsToFloat(floatBitsToUint(q) & 0xfffff000u);
  precise float remainder = (a - high * b) - (q - high) * b;
  precise float y = q + remainder / b;
  return y;
}

// e^x for -80 < x <= 0: the operations of TimestepEmbedding.power in their order.
float power(float x) {
  precise float n = roundEven(x * 1.44269504);
  precise float head = x - n * LN2_HIGH;
  precise float tail = n * LN2_LOW;
  precise float r = head - tail;
  precise float lost = (head - r) - tail;
  precise float q = 0.0013926250394433737;
  q = q * r + 0.00836323294788599;
  q = q * r + 0.04166655242443085;
  q = q * r + 0.16666576266288757;
  q = q * r + 0.5;
  q = r * r * q;
  precise float sum = 1.0 + r;
  precise float remainder = (1.0 - sum) + r;
  precise float y = (sum + (remainder + (lost + q))) * powerOfTwo(int(n));
  return y;
}

void main() {
  uint first = firstElement();
  uint halfWidth = p.dimension / 2;
  Counter k = counterAt(first, halfWidth, 1);
  Counter stride = counterAt(gl_WorkGroupSize.x, halfWidth, 1);
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    precise float exponent = p.logarithm * float(k.inner);
    precise float angle = loadF32(p.t, k.outer) * power(divided(exponent, float(halfWidth)));
    float sine, cosine;
    sineCosine(angle, sine, cosine);
    uint target = k.outer * p.dimension + k.inner;
    storeF32(p.y, target, cosine);
    storeF32(p.y, target + halfWidth, sine);
    if ((p.dimension & 1u) != 0 && k.inner == 0) {
      storeF32(p.y, target + p.dimension - 1, 0.0);
    }
    advance(k, stride, halfWidth, 1);
  }
}
