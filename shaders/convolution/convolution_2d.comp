// y[n, h, w, o] = sum over r, s, i of x[n, h stride + r - top, w stride + s - left, i]
//   weight[o, r, s, i] + bias[o] + residual[n, h, w, o]: a product of [pixels, kh kw I] windows, never
// stored, with the weight [O, kh kw I]. FORM 1 (I a multiple of 4) or 0; see product/tile.glsl.
// Shapes: a = x [N, H, W, I], b = weight [O, kh, kw, I]; residual, y [N, Ho, Wo, O].
// One workgroup per block of pixels and output channels, blocks of pixels first.
// Meaning: Graph/Operations/Convolution2D.swift
#version 460
#define MASKED_ROWS true
#include "product/tile.glsl"
#include "parameters/convolution_2d.h"

void main() {
  uint pixels = p.samples * p.outputHeight * p.outputWidth;
  Place at = place(pixels, p.outputChannels, p.laneShift);
  if (at.copy > 0) return;
  uint height = p.height, width = p.width, channels = p.inputChannels;
  uint depth = p.kernelHeight * p.kernelWidth * channels;
  clearSums();
  setColumns(at, p.outputChannels, depth);
  // The pixel that the window's first tap sees, which may lie outside, and where it would be stored.
  uint firstY[ROWS], firstX[ROWS], firstPixel[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint pixel = min(at.row + r, pixels - 1);
    uint line = pixel / p.outputWidth;
    firstY[r] = line % p.outputHeight * p.stride - p.top;
    firstX[r] = pixel % p.outputWidth * p.stride - p.left;
    firstPixel[r] = (line / p.outputHeight * height + firstY[r]) * width + firstX[r];
  }
  uint kernelWidth = p.kernelWidth;
  uint64_t x = p.a, weight = p.b;
  uint tapY = 0, tapX = 0, channel = 0, firstOfTap = 0;
  while (firstOfTap < depth) {
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      // Below zero is a large number.
      rowInside[r] = firstY[r] + tapY < height && firstX[r] + tapX < width;
      uint offset = (firstPixel[r] + tapY * width + tapX) * channels + channel;
      rowOffset[r] = rowInside[r] ? offset : 0;
    }
    addStep(x, 0, weight, firstOfTap + channel, 0, channels - channel, 0);
    channel += STEP;
    if (channel >= channels) {
      channel = 0;
      firstOfTap += channels;
      tapX++;
    }
    if (tapX == kernelWidth) {
      tapX = 0;
      tapY++;
    }
  }
  Epilogue e = Epilogue(p.y, p.bias, p.residual, 1.0);
  storeTile(e, at, 0, p.outputChannels, pixels, p.outputChannels);
}
