// y[n, h, w, o] = sum over r, s, i of x[n, h stride + r - top, w stride + s - left, i]
//   weight[o, r, s, i] + bias[o] + residual[n, h, w, o]: a product of [pixels, kh kw I] windows, never
// stored, with the weight [O, kh kw I], through shared memory. FORM 1 (I and O multiples of 4) or 0; see
// product/staging.glsl, and product/block.glsl for the kernels `shared` and `matrix`.
// Shapes: a = x [N, H, W, I], b = weight [O, kh, kw, I]; residual, y [N, Ho, Wo, O], or f32 partial sums
// [splits, N, Ho, Wo, O] for product/sum_partials.comp.
// One workgroup per block of pixels and output channels (blocks of pixels first) and split of k.
// Meaning: Graph/Operations/Convolution2D.swift
#version 460
#define A_HAS_EDGES 1
#include "product/block.glsl"
#include "convolution/taps.glsl"

// What the invocation reads of its windows next; values of k that are left.
Tap tap;
uint left;
// Where the weights of the next values begin, and byte offsets of items from there.
uint64_t b;
uint offsetB[B_ITEMS];

void fetchItemB(uint i) { fetchB(i, b, offsetB[i], isWithin(depthOfB(i), left)); }

#if WHOLE
// All items see the same tap: its bit, and the byte offset of its values from those of the first tap of all;
// of items, the offset of their window's first value and bits of the taps that lie inside.
uint tapBit, offsetOfTap;
uint offsetA[A_ITEMS], inside[A_ITEMS];
uint starts;  // of the lines of a window, as bits

void fetchItemA(uint i) {
  fetchA(i, p.a, offsetA[i] + offsetOfTap, (inside[i] & tapBit) != 0);
}
void placeTap() {
  tapBit = 1u << tap.y * p.kernelWidth + tap.x;
  offsetOfTap = ((tap.y * p.width + tap.x) * p.inputChannels + tap.channel) * BYTES_A;
}
void placeTaps(uint first) {
  tap = tapAt(first, p.inputChannels);
  placeTap();
  starts = lineStarts(1);
}
void place(uint i, uint sampleIndex, uint y, uint x) {
  // The first tap may lie outside and this below zero, but not together with the offset of a tap inside.
  uint pixel = (sampleIndex * p.height + y - p.top) * p.width + x - p.left;
  offsetA[i] = (pixel * p.inputChannels + depthOfA(i)) * BYTES_A;
  ivec2 first = ivec2(p.top, p.left) - ivec2(y, x);
  inside[i] = tapBits(first, first + ivec2(p.height, p.width), starts);
}
#else
// The pixel that the first tap of an item's window sees, which may lie outside, and where it would be
// stored.
uint firstY[A_ITEMS], firstX[A_ITEMS], firstPixel[A_ITEMS];

void fetchItemA(uint i) {
  // Below zero is a large number.
  bool isInside = depthOfA(i) < left && firstY[i] + tap.y < p.height && firstX[i] + tap.x < p.width;
  uint pixel = firstPixel[i] + tap.y * p.width + tap.x;
  fetchA(i, p.a, (pixel * p.inputChannels + tap.channel) * BYTES_A, isInside);
}
void placeTap() {}
void placeTaps(uint first) { tap = tapAt(first + depthOfA(0), p.inputChannels); }
void place(uint i, uint sampleIndex, uint y, uint x) {
  firstY[i] = y - p.top;
  firstX[i] = x - p.left;
  firstPixel[i] = (sampleIndex * p.height + firstY[i]) * p.width + firstX[i];
}
#endif

void moveOn() {
  left -= DEPTH;
  b += DEPTH * BYTES_B;
  moveTap(tap, DEPTH, p.inputChannels);
  placeTap();
}

void main() {
  uint pixels = p.samples * p.outputHeight * p.outputWidth;
  Block block = blockOfGroup(pixels, p.firstColumn, p.endColumn);
  if (block.copy >= p.splits) return;
  uint depth = p.kernelHeight * p.kernelWidth * p.inputChannels;
  uint first = block.copy * p.splitLength;
  left = min(p.splitLength, depth - first);
  placeTaps(first);
  [[unroll]] for (uint i = 0; i < A_ITEMS; i++) {
    uint pixel = clampedRow(block.row + rowOfA(i), pixels);
    uint line = pixel / p.outputWidth;
    place(i, line / p.outputHeight, line % p.outputHeight * p.stride,
        pixel % p.outputWidth * p.stride);
  }
  b = p.b + uint64_t(first) * BYTES_B;
  [[unroll]] for (uint i = 0; i < B_ITEMS; i++) {
    uint column = clampedColumn(block.column + columnOfB(i), p.outputChannels);
    offsetB[i] = (column * depth + depthOfB(i)) * BYTES_B;
  }
  clearSums();
  accumulate(left);
  Epilogue e = Epilogue(p.y, p.bias, p.residual, 1.0);
  uint columns = p.outputChannels;
  storeBlock(e, block, block.copy * pixels * columns, columns, pixels, columns);
}
