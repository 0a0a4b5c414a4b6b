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

#endif
