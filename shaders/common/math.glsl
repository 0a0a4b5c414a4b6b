// Our own exp, log, sin, cos, erf in f32: GLSL guarantees sin and cos to 2^-11 on [-pi, pi] only and
// exp to a few units in the last place, and native functions would make noise differ by vendor.
//
//   exponential, exponentialMinusOne, logarithm, logarithmOnePlus   relative error under 2e-7
//   sineCosine                                        absolute error under 2e-7 for every finite x
//   errorFunction                                     relative error under 2e-7
//   normalDistribution(x)                             P(X < x), relative error under 2e-6 for x > -6
//
// Polynomials are Chebyshev interpolations, or Taylor sums where those suffice, rounded to f32.
// Results are `precise`: no contraction to fused multiply-adds, so every device computes the same
// wherever only additions and multiplications are involved (division may differ in its last bit).
// NaN gives NaN, so that a diverging run is noticed.
#ifndef COMMON_MATH_GLSL
#define COMMON_MATH_GLSL

#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

const float LN2_HIGH = 0.693359375;  // 9 bits: a product with a small integer is exact
const float LN2_LOW = -2.12194440054690583e-4;
const float TWO_PI = 6.28318530717958648;

// 2^n for -126 <= n <= 127.
float powerOfTwo(int n) { return uintBitsToFloat(uint(n + 127) << 23); }

// The whole number nearest to x, |x| < 2^22, ties to even: it stands at the low end of x + 3 * 2^22. (On
// lavapipe a conversion to int takes longer than all the rest of e^x. The difference shifted - 3 * 2^22
// is the same as a float, but there are compilers that take it for x.)
int nearest(float x) {
  precise float shifted = x + 12582912.0;
  return int(floatBitsToUint(shifted) - 0x4b400000u);
}

// e^r - 1 for |r| <= ln(2) / 2: r + r^2 P(r), relative error 1e-8 of e^r.
float exponentialMinusOneReduced(float r) {
  precise float p = 0.0013926250394433737;
  p = p * r + 0.00836323294788599;
  p = p * r + 0.04166655242443085;
  p = p * r + 0.16666576266288757;
  p = p * r + 0.5;
  p = r + r * r * p;
  return p;
}

// e^x; 0 below -104, infinity above 89; never a NaN of a number.
float exponential(float x) {
  float bounded = min(max(x, -110.0), 89.0);
  int power = nearest(bounded * 1.44269504088896341);
  precise float n = float(power);
  precise float r = (bounded - n * LN2_HIGH) - n * LN2_LOW;
  int first = power >> 1;  // in two factors: one would overflow at both ends
  precise float y = (1.0 + exponentialMinusOneReduced(r)) * powerOfTwo(first);
  y = y * powerOfTwo(power - first);
  return isnan(x) ? x : y;
}

// e^x - 1, accurate near 0 too.
float exponentialMinusOne(float x) {
  return abs(x) <= 0.34657359 ? exponentialMinusOneReduced(x) : exponential(x) - 1.0;
}

// ln(1 + f) for sqrt(1/2) - 1 <= f <= sqrt(2) - 1: f - f^2 / 2 + f^3 P(f).
float logarithmOnePlusReduced(float f) {
  precise float p = 0.06971611827611923;
  p = p * f - 0.11479733884334564;
  p = p * f + 0.11685419827699661;
  p = p * f - 0.12425687164068222;
  p = p * f + 0.14249058067798615;
  p = p * f - 0.1666780263185501;
  p = p * f + 0.20000715553760529;
  p = p * f - 0.2499999701976776;
  p = p * f + 0.3333333134651184;
  p = f - (0.5 * f * f - f * f * f * p);
  return p;
}

// ln(x) for normal x > 0.
float logarithm(float x) {
  uint bits = floatBitsToUint(x);
  // The exponent that leaves a factor in [sqrt(1/2), sqrt(2)).
  int power = int(bits - 0x3f3504f3u) >> 23;
  float factor = uintBitsToFloat(bits - (uint(power) << 23));
  precise float n = float(power);
  precise float y = n * LN2_HIGH + (n * LN2_LOW + logarithmOnePlusReduced(factor - 1.0));
  return y;
}

// sin and cos of r, |r| <= pi / 4 (Taylor; the first dropped terms are under 2e-9).
void sineCosineReduced(float r, out float sine, out float cosine) {
  precise float r2 = r * r;
  precise float s = 1.0 / 362880.0;
  s = s * r2 - 1.0 / 5040.0;
  s = s * r2 + 1.0 / 120.0;
  s = s * r2 - 1.0 / 6.0;
  s = r + r * r2 * s;
  precise float c = -1.0 / 3628800.0;
  c = c * r2 + 1.0 / 40320.0;
  c = c * r2 - 1.0 / 720.0;
  c = c * r2 + 1.0 / 24.0;
  c = 1.0 - (0.5 * r2 - r2 * r2 * c);
  sine = s;
  cosine = c;
}

// sin and cos of quadrant * pi / 2 + r.
void sineCosineOfQuadrant(uint quadrant, float r, out float sine, out float cosine) {
  float s, c;
  sineCosineReduced(r, s, c);
  bool isOdd = (quadrant & 1u) != 0;
  sine = isOdd ? c : s;
  cosine = isOdd ? s : c;
  if ((quadrant & 2u) != 0) sine = -sine;
  if (((quadrant + 1) & 2u) != 0) cosine = -cosine;
}

// sin and cos of 2 pi (turn + 1/2) / 2^32: an angle given by 32 random bits.
void sineCosineOfTurn(uint turn, out float sine, out float cosine) {
  uint quadrant = (turn + 0x20000000u) >> 30;
  precise float part = float(int(turn - (quadrant << 30))) + 0.5;
  sineCosineOfQuadrant(quadrant, part * (TWO_PI / 4294967296.0), sine, cosine);
}

// 32 zero bits, then the fraction bits of 2 / pi.
const uint TWO_OVER_PI[7] = uint[](
    0x00000000u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u);

// sin and cos of any finite x. Payne and Hanek's reduction: x = m 2^e with a 24-bit m, and 64 bits of
// 2 / pi, chosen by e, give x / 2 pi modulo 1 to 2^-40.
void sineCosine(float x, out float sine, out float cosine) {
  float magnitude = abs(x);
  uint bits = floatBitsToUint(magnitude);
  uint quadrant = 0;
  precise float r = magnitude;
  if (magnitude > 0.785398163) {
    uint start = (bits >> 23) - 120u;  // bit of the table: exponent e = (bits >> 23) - 150, + 30
    uint word = start >> 5;
    uint shift = start & 31u;
    uint64_t window = (uint64_t(TWO_OVER_PI[word]) << 32) | TWO_OVER_PI[word + 1];
    window = (window << shift) | (uint64_t(TWO_OVER_PI[word + 2]) >> (32u - shift));
    uint64_t turn = uint64_t((bits & 0x7fffffu) | 0x800000u) * window;
    quadrant = uint((turn + (1ul << 61)) >> 62);
    int64_t part = int64_t(turn - (uint64_t(quadrant) << 62));
    r = float(int(part >> 30)) * (TWO_PI / 17179869184.0);
  }
  sineCosineOfQuadrant(quadrant & 3u, r, sine, cosine);
  if (x < 0.0) sine = -sine;
}

// The normal distribution's upper tail over its density, times 1/sqrt(2 pi), for z in [0, 14]:
// a polynomial in 1 / (1 + 0.3 z), relative error 3e-8.
float normalTailRatio(float z) {
  float t = 1.0 / (1.0 + 0.3 * z);
  float p = -0.017843272536993027;
  p = p * t + 0.0961785539984703;
  p = p * t - 0.1865600198507309;
  p = p * t + 0.13032683730125427;
  p = p * t - 0.021717024967074394;
  p = p * t + 0.06020136922597885;
  p = p * t + 0.093414805829525;
  p = p * t + 0.1060849130153656;
  p = p * t + 0.12029606848955154;
  p = p * t + 0.11961467564105988;
  return p * t + 3.0972557851782767e-6;
}

// P(X < x) for standard normal X; `bell` receives exp(-x^2 / 2), by the device's own exp: no noise is made
// of it, and it is several times as fast.
float normalDistribution(float x, out float bell) {
  bell = exp(-0.5 * x * x);
  float tail = bell * normalTailRatio(min(abs(x), 14.0));
  return x < 0.0 ? tail : (isnan(x) ? x : 1.0 - tail);
}

vec2 normalDistribution(vec2 x, out vec2 bell) {
  float first, second;
  vec2 below = vec2(normalDistribution(x.x, first), normalDistribution(x.y, second));
  bell = vec2(first, second);
  return below;
}

// erf(x): an odd polynomial inside [-1, 1], the tail of the normal distribution outside.
float errorFunction(float x) {
  float x2 = min(x * x, 1.0);
  float p = 7.875874871388078e-5;
  p = p * x2 - 0.000801686430349946;
  p = p * x2 + 0.005189087241888046;
  p = p * x2 - 0.02685421146452427;
  p = p * x2 + 0.11283594369888306;
  p = p * x2 - 0.3761262595653534;
  p = p * x2 + 1.1283791065216064;
  float bell;
  float outer = 2.0 * normalDistribution(x * 1.41421356237309505, bell) - 1.0;
  return abs(x) <= 1.0 ? x * p : outer;
}

#endif
