// dw[o, r, s, i] = sum over n, h, w of dy[n, h, w, o] x[n, h stride + r - top, w stride + s - left, i]:
// for each tap the product of dy [pixels, O], transposed, with the pixels of x that it sees, through
// shared memory. FORM 3 (I and O multiples of 4) or 0; see product/staging.glsl, and product/block.glsl
// for the kernels `shared` and `matrix`.
// Shapes: a = dy [N, Ho, Wo, O], b = x [N, H, W, I]; y = dw [O, kh, kw, I], or f32 partial sums
// [splits, O, kh, kw, I] for product/sum_partials.comp.
// One workgroup per block of channels, tap and split of the pixels, in this order.
// Meaning: Graph/Operations/Convolution2D+Gradient.swift
#version 460
#define B_HAS_EDGES 1
#include "product/block.glsl"
#include "parameters/convolution_2d.h"

// Along lines of k (pixels) every item of b has a pixel of its own.
#if FORM == 3
const uint B_PIXELS = B_ITEMS;
uint pixelOfB(uint item) { return item; }
#else
const uint B_PIXELS = 1;
uint pixelOfB(uint item) { return 0; }
#endif

// Where the next pixels of dy begin, and byte offsets of items from there.
uint64_t a;
uint offsetA[A_ITEMS];
uint column[B_ITEMS];
// The next pixel of dy for b, with the first line of its sample in x; pixels that are left.
uint pixelX[B_PIXELS], pixelY[B_PIXELS], sampleLine[B_PIXELS];
uint left;
// What the tap sees at the first pixel; below zero is a large number.
uint startX, startY;

void movePixel(uint i) {
  pixelX[i] += DEPTH;
  while (pixelX[i] >= p.outputWidth) {
    pixelX[i] -= p.outputWidth;
    pixelY[i]++;
    if (pixelY[i] == p.outputHeight) {
      pixelY[i] = 0;
      sampleLine[i] += p.height;
    }
  }
}

void fetchItemA(uint i) { fetchA(i, a, offsetA[i], isWithin(depthOfA(i), left)); }
void fetchItemB(uint i) {
  uint pixel = pixelOfB(i);
  uint y = startY + pixelY[pixel] * p.stride, x = startX + pixelX[pixel] * p.stride;
  bool isInside = isWithin(depthOfB(i), left) && y < p.height && x < p.width;
  uint offset = ((sampleLine[pixel] + y) * p.width + x) * p.inputChannels + column[i];
  fetchB(i, p.b, offset * BYTES_B, isInside);
}
void moveOn() {
  left -= DEPTH;
  a += DEPTH * p.outputChannels * BYTES_A;
  [[unroll]] for (uint i = 0; i < B_PIXELS; i++) movePixel(i);
}

void main() {
  uint taps = p.kernelHeight * p.kernelWidth;
  Block block = blockOfGroup(p.outputChannels, p.firstColumn, p.endColumn);
  uint tap = block.copy % taps;
  uint split = block.copy / taps;
  if (split >= p.splits) return;
  uint first = split * p.splitLength;
  left = min(p.splitLength, p.samples * p.outputHeight * p.outputWidth - first);
  startY = tap / p.kernelWidth - p.top;
  startX = tap % p.kernelWidth - p.left;
  a = p.a + uint64_t(first * p.outputChannels) * BYTES_A;
  [[unroll]] for (uint i = 0; i < A_ITEMS; i++) {
    uint row = clampedRow(block.row + rowOfA(i), p.outputChannels);
    offsetA[i] = (depthOfA(i) * p.outputChannels + row) * BYTES_A;
  }
  [[unroll]] for (uint i = 0; i < B_PIXELS; i++) {
    uint pixel = first + depthOfB(i);
    uint line = pixel / p.outputWidth;
    pixelX[i] = pixel % p.outputWidth;
    pixelY[i] = line % p.outputHeight;
    sampleLine[i] = line / p.outputHeight * p.height;
  }
  [[unroll]] for (uint i = 0; i < B_ITEMS; i++) {
    column[i] = clampedColumn(block.column + columnOfB(i), p.inputChannels);
  }
  clearSums();
  accumulate(left);
  Epilogue e = Epilogue(p.y, 0ul, 0ul, 1.0);
  uint rowStride = taps * p.inputChannels;
  uint offset = split * p.outputChannels * rowStride + tap * p.inputChannels;
  storeBlock(e, block, offset, rowStride, p.outputChannels, p.inputChannels);
}
