// X(0) X(1) ... and X(i, 0) X(i, 1) ..., written out: fragments in arrays must be named by literals where
// a loop would be long, because what NVIDIA's compiler does not unroll goes to local memory.
//
//   REPEAT(4, X)              X(0) X(1) X(2) X(3)
//   REPEAT_WITHIN(2, X, i)    X(i, 0) X(i, 1), where X is itself within a REPEAT
#ifndef COMMON_REPEAT_GLSL
#define COMMON_REPEAT_GLSL
#define REPEAT(n, X) REPEAT_TIMES(n, X)
#define REPEAT_TIMES(n, X) REPEAT_##n(X)
#define REPEAT_WITHIN(n, X, i) REPEAT_WITHIN_TIMES(n, X, i)
#define REPEAT_WITHIN_TIMES(n, X, i) REPEAT_WITHIN_##n(X, i)
#define REPEAT_1(X) X(0)
#define REPEAT_WITHIN_1(X, i) X(i, 0)
#define REPEAT_2(X) X(0) X(1)
#define REPEAT_WITHIN_2(X, i) X(i, 0) X(i, 1)
#define REPEAT_4(X) X(0) X(1) X(2) X(3)
#define REPEAT_WITHIN_4(X, i) X(i, 0) X(i, 1) X(i, 2) X(i, 3)
#define REPEAT_WITHIN_6(X, i) X(i, 0) X(i, 1) X(i, 2) X(i, 3) X(i, 4) X(i, 5)
#define REPEAT_8(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define REPEAT_WITHIN_8(X, i) X(i, 0) X(i, 1) X(i, 2) X(i, 3) X(i, 4) X(i, 5) X(i, 6) X(i, 7)
#define REPEAT_WITHIN_12(X, i) X(i, 0) X(i, 1) X(i, 2) X(i, 3) X(i, 4) X(i, 5) X(i, 6) X(i, 7) \
  X(i, 8) X(i, 9) X(i, 10) X(i, 11)
#define REPEAT_16(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) \
  X(14) X(15)
#define REPEAT_WITHIN_16(X, i) X(i, 0) X(i, 1) X(i, 2) X(i, 3) X(i, 4) X(i, 5) X(i, 6) X(i, 7) \
  X(i, 8) X(i, 9) X(i, 10) X(i, 11) X(i, 12) X(i, 13) X(i, 14) X(i, 15)
#endif
