// y = combine(a, b) with b repeated along dimensions of size 1; combine is the including file's.
// Shapes: a, y [outer, middle, inner] and b [outer, 1, inner] after merging dimensions, or, with
// GENERAL, up to five dimensions with a stride of b for each (0 where it repeats).
#include "common/values.glsl"
#include "common/counter.glsl"
#include "common/elementwise.glsl"
#include "parameters/broadcast.h"

VALUE_ACCESS(A, STORAGE_A)
VALUE_ACCESS(B, STORAGE_B)
VALUE_ACCESS(Y, STORAGE_Y)

void broadcastElements() {
#ifdef GENERAL
  for (uint i = firstElement(); i < endElement(p.count); i += gl_WorkGroupSize.x) {
    uint rest = i;
    uint offset = (rest % p.size4) * p.stride4;
    rest /= p.size4;
    offset += (rest % p.size3) * p.stride3;
    rest /= p.size3;
    offset += (rest % p.size2) * p.stride2;
    rest /= p.size2;
    offset += (rest % p.size1) * p.stride1 + (rest / p.size1) * p.stride0;
    putY(p.y, i, combine(i, getB(p.b, offset)));
  }
#else
  uint first = firstElement();
  Counter k = counterAt(first, p.inner, p.middle);
  Counter stride = counterAt(gl_WorkGroupSize.x, p.inner, p.middle);
  for (uint i = first; i < endElement(p.count); i += gl_WorkGroupSize.x) {
    putY(p.y, i, combine(i, getB(p.b, k.outer * p.inner + k.inner)));
    advance(k, stride, p.inner, p.middle);
  }
#endif
}
