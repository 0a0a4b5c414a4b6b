// dx[n, h, w, i] = sum over r, s, o of dy[n, (h + top - r) / stride, (w + left - s) / stride, o]
//   weight[o, r, s, i] over the taps for which the divisions are exact and inside, + residual: every
// pixel of dx gathers. FORM 2 (I and O multiples of 4) or 0; see product/tile.glsl.
// Shapes: a = dy [N, Ho, Wo, O], b = weight [O, kh, kw, I]; residual, y = dx [N, H, W, I].
// One workgroup per block of pixels and input channels, blocks of pixels first.
// Meaning: Graph/Operations/Convolution2D+Gradient.swift
#version 460
#define MASKED_ROWS true
#include "product/tile.glsl"
#include "parameters/convolution_2d.h"

void main() {
  uint pixels = p.samples * p.height * p.width;
  Place at = place(pixels, p.inputChannels, p.laneShift);
  if (at.copy > 0) return;
  uint height = p.outputHeight, width = p.outputWidth, channels = p.outputChannels;
  uint stride = p.stride, kernelWidth = p.kernelWidth;
  uint taps = p.kernelHeight * kernelWidth;
  clearSums();
#ifdef PANELS
  setColumnPanels(at, p.inputChannels, p.bWidth, taps * channels);
#else
  setColumns(at, p.inputChannels, 1);
#endif
  // h + top = stride quotientY + remainderY: tap r = stride q + remainderY sees line quotientY - q.
  uint quotientY[ROWS], remainderY[ROWS], quotientX[ROWS], remainderX[ROWS], sampleLine[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint pixel = min(at.row + r, pixels - 1);
    uint line = pixel / p.width;
    uint y = line % p.height + p.top;
    uint x = pixel % p.width + p.left;
    quotientY[r] = y / stride;
    remainderY[r] = y % stride;
    quotientX[r] = x / stride;
    remainderX[r] = x % stride;
    sampleLine[r] = line / p.height * height;
  }
  uint64_t dy = p.a, weight = p.b;
  uint bStep = taps * p.bWidth, tapStep = p.bWidth;
  uint tap = 0, tapX = 0, channel = 0;
  uint tapQuotientY = 0, tapRemainderY = 0, tapQuotientX = 0, tapRemainderX = 0;
  while (tap < taps) {
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      // Below zero is a large number.
      uint y = quotientY[r] - tapQuotientY;
      uint x = quotientX[r] - tapQuotientX;
      rowInside[r] = y < height && x < width && remainderY[r] == tapRemainderY &&
          remainderX[r] == tapRemainderX;
      uint offset = ((sampleLine[r] + y) * width + x) * channels + channel;
      rowOffset[r] = rowInside[r] ? offset : 0;
    }
    addStep(dy, 0, weight, channel * bStep + tap * tapStep, bStep, channels - channel, 0);
    channel += STEP;
    if (channel >= channels) {
      channel = 0;
      tap++;
      tapX++;
      tapRemainderX++;
    }
    if (tapRemainderX == stride) {
      tapRemainderX = 0;
      tapQuotientX++;
    }
    if (tapX == kernelWidth) {
      tapX = 0;
      tapQuotientX = 0;
      tapRemainderX = 0;
      tapRemainderY++;
    }
    if (tapRemainderY == stride) {
      tapRemainderY = 0;
      tapQuotientY++;
    }
  }
  Epilogue e = Epilogue(p.y, 0ul, p.residual, 1.0);
  storeTile(e, at, 0, p.inputChannels, pixels, p.inputChannels);
}
