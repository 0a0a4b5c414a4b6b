// A flat row-major index as digits (outer, middle, inner), advanced by carries: a division costs more
// than all the rest of an elementwise kernel.
//
//   Counter k = counterAt(first, inner, middle), step = counterAt(stride, inner, middle);
//   for (...) { ...; advance(k, step, inner, middle); }
#ifndef COMMON_COUNTER_GLSL
#define COMMON_COUNTER_GLSL

struct Counter {
  uint inner;
  uint middle;
  uint outer;
};

Counter counterAt(uint index, uint innerSize, uint middleSize) {
  uint rest = index / innerSize;
  return Counter(index - rest * innerSize, rest % middleSize, rest / middleSize);
}

void advance(inout Counter k, Counter step, uint innerSize, uint middleSize) {
  k.inner += step.inner;
  bool carry = k.inner >= innerSize;
  if (carry) k.inner -= innerSize;
  k.middle += step.middle + uint(carry);
  carry = k.middle >= middleSize;
  if (carry) k.middle -= middleSize;
  k.outer += step.outer + uint(carry);
}

#endif
