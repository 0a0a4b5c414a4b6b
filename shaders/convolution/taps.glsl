// Where a value of k lies in a convolution's sums over taps and channels, moving along k.
#ifndef CONVOLUTION_TAPS_GLSL
#define CONVOLUTION_TAPS_GLSL
#include "parameters/convolution_2d.h"

struct Tap {
  uint y;
  uint x;
  uint channel;
};

// k counts channels first, then taps from left to right, then lines of taps.
Tap tapAt(uint k, uint channels) {
  uint tap = k / channels;
  return Tap(tap / p.kernelWidth, tap % p.kernelWidth, k % channels);
}

void moveTap(inout Tap tap, uint count, uint channels) {
  tap.channel += count;
  while (tap.channel >= channels) {
    tap.channel -= channels;
    tap.x++;
    if (tap.x == p.kernelWidth) {
      tap.x = 0;
      tap.y++;
    }
  }
}

// Taps as bits of a number, counted as k counts them, in windows of 31 taps at most whose width times the
// stride is at most 32 (ConvolutionWindow.run): the first tap of every `step`-th line,
uint lineStarts(uint step) {
  uint bits = 0;
  for (uint y = 0; y < p.kernelHeight; y += step) bits |= 1u << y * p.kernelWidth;
  return bits;
}
// and those from `first` to before `end` (y, x), cut to the window; `starts` is lineStarts(1).
uint tapBits(ivec2 first, ivec2 end, uint starts) {
  ivec2 size = ivec2(p.kernelHeight, p.kernelWidth);
  ivec2 low = clamp(first, ivec2(0), size), high = clamp(end, ivec2(0), size);
  uint columns = (1u << high.y) - (1u << low.y);
  uint lines = (1u << high.x * size.y) - (1u << low.x * size.y);
  return columns * starts & lines;
}

#endif
