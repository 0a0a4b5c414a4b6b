// dx[n, h, w, i] = sum over r, s, o of dy[n, (h + top - r) / stride, (w + left - s) / stride, o]
//   weight[o, r, s, i] over the taps for which the divisions are exact and inside: every pixel of dx
// gathers, through shared memory. FORM 2 (I and O multiples of 4) or 0; see product/staging.glsl, and
// product/block.glsl for the kernels `shared` and `matrix`.
// Shapes: a = dy [N, Ho, Wo, O], b = weight [O, kh, kw, I]; y = dx [N, H, W, I], or f32 partial sums
// [splits, N, H, W, I] for product/sum_partials.comp.
// One workgroup per block of pixels and input channels (blocks of pixels first) and split of k.
// Meaning: Graph/Operations/Convolution2D+Gradient.swift
#version 460
#include "product/block.glsl"
#include "convolution/taps.glsl"

// Along lines of k every item of b has a tap of its own.
#if FORM == 2
const uint B_TAPS = B_ITEMS;
uint tapOfB(uint item) { return item; }
#else
const uint B_TAPS = 1;
uint tapOfB(uint item) { return 0; }
#endif

// Of an item's pixel: h + top = stride quotientY + remainder, the same for w, both remainders in one
// number; and its sample's first line in dy. Tap r = stride q + remainder sees line quotientY - q.
uint quotientY[A_ITEMS], quotientX[A_ITEMS], remainders[A_ITEMS], sampleLine[A_ITEMS];
uint column[B_ITEMS];
// What the invocation reads next; values of k that are left.
Tap tapA;
Tap tapB[B_TAPS];
uint left;

void fetchItemA(uint i) {
  uint stride = p.stride;
  uint tapRemainders = tapA.y % stride << 16 | tapA.x % stride;
  // Below zero is a large number.
  uint y = quotientY[i] - tapA.y / stride, x = quotientX[i] - tapA.x / stride;
  bool isInside = depthOfA(i) < left && y < p.outputHeight && x < p.outputWidth &&
      remainders[i] == tapRemainders;
  uint offset = ((sampleLine[i] + y) * p.outputWidth + x) * p.outputChannels + tapA.channel;
  fetchA(i, p.a, offset * BYTES_A, isInside);
}
void fetchItemB(uint i) {
  Tap tap = tapB[tapOfB(i)];
  uint line = (tap.channel * p.kernelHeight + tap.y) * p.kernelWidth + tap.x;
  uint offset = line * p.inputChannels + column[i];
  fetchB(i, p.b, offset * BYTES_B, depthOfB(i) < left);
}
void moveOn() {
  left = max(left, DEPTH) - DEPTH;
  moveTap(tapA, DEPTH, p.outputChannels);
  [[unroll]] for (uint i = 0; i < B_TAPS; i++) moveTap(tapB[i], DEPTH, p.outputChannels);
}

void main() {
  uint pixels = p.samples * p.height * p.width;
  Block block = blockOfGroup(pixels, p.firstColumn, p.endColumn);
  if (block.copy >= p.splits) return;
  uint channels = p.outputChannels, stride = p.stride;
  uint first = block.copy * p.splitLength;
  left = min(p.splitLength, p.kernelHeight * p.kernelWidth * channels - first);
  tapA = tapAt(first + depthOfA(0), channels);
  [[unroll]] for (uint i = 0; i < B_TAPS; i++) tapB[i] = tapAt(first + depthOfB(i), channels);
  [[unroll]] for (uint i = 0; i < A_ITEMS; i++) {
    uint pixel = clampedRow(block.row + rowOfA(i), pixels);
    uint line = pixel / p.width;
    uint y = line % p.height + p.top;
    uint x = pixel % p.width + p.left;
    quotientY[i] = y / stride;
    quotientX[i] = x / stride;
    remainders[i] = y % stride << 16 | x % stride;
    sampleLine[i] = line / p.height * p.outputHeight;
  }
  [[unroll]] for (uint i = 0; i < B_ITEMS; i++) {
    column[i] = clampedColumn(block.column + columnOfB(i), p.inputChannels);
  }
  clearSums();
  accumulate(left);
  Epilogue e = Epilogue(p.y, 0ul, p.residual, 1.0);
  uint columns = p.inputChannels;
  storeBlock(e, block, block.copy * pixels * columns, columns, pixels, columns);
}
