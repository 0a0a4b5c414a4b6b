// y[n, h, w, o] = sum over r, s, i of x[n, h stride + r - top, w stride + s - left, i]
//   weight[o, r, s, i] + bias[o] + residual[n, h, w, o]: a product of [pixels, kh kw I] windows, never
// stored, with the weight [O, kh kw I], through shared memory. FORM 1 (I and O multiples of 4) or 0; see
// product/staging.glsl, and product/block.glsl for the kernels `shared` and `matrix`.
// Shapes: a = x [N, H, W, I], b = weight [O, kh, kw, I]; residual, y [N, Ho, Wo, O], or f32 partial sums
// [splits, N, Ho, Wo, O] for product/sum_partials.comp.
// One workgroup per block of pixels and output channels (blocks of pixels first) and split of k.
// Meaning: Graph/Operations/Convolution2D.swift
#version 460
#include "product/block.glsl"
#include "convolution/taps.glsl"

// The pixel that the first tap of an item's window sees, which may lie outside, and where it would be
// stored.
uint firstY[A_ITEMS], firstX[A_ITEMS], firstPixel[A_ITEMS];
// What the invocation reads of its windows next; values of k that are left.
Tap tap;
uint left;
uint offsetB[B_ITEMS];

void fetchItemA(uint i) {
  // Below zero is a large number.
  bool isInside = depthOfA(i) < left && firstY[i] + tap.y < p.height && firstX[i] + tap.x < p.width;
  uint pixel = firstPixel[i] + tap.y * p.width + tap.x;
  fetchA(i, p.a, (pixel * p.inputChannels + tap.channel) * BYTES_A, isInside);
}
void fetchItemB(uint i) {
  fetchB(i, p.b, offsetB[i], depthOfB(i) < left);
  offsetB[i] += DEPTH * BYTES_B;
}
void moveOn() {
  left = max(left, DEPTH) - DEPTH;
  moveTap(tap, DEPTH, p.inputChannels);
}

void main() {
  uint pixels = p.samples * p.outputHeight * p.outputWidth;
  Block block = blockOfGroup(pixels, p.firstColumn, p.endColumn);
  if (block.copy >= p.splits) return;
  uint depth = p.kernelHeight * p.kernelWidth * p.inputChannels;
  uint first = block.copy * p.splitLength;
  left = min(p.splitLength, depth - first);
  tap = tapAt(first + depthOfA(0), p.inputChannels);
  [[unroll]] for (uint i = 0; i < A_ITEMS; i++) {
    uint pixel = clampedRow(block.row + rowOfA(i), pixels);
    uint line = pixel / p.outputWidth;
    firstY[i] = line % p.outputHeight * p.stride - p.top;
    firstX[i] = pixel % p.outputWidth * p.stride - p.left;
    firstPixel[i] = (line / p.outputHeight * p.height + firstY[i]) * p.width + firstX[i];
  }
  [[unroll]] for (uint i = 0; i < B_ITEMS; i++) {
    uint column = clampedColumn(block.column + columnOfB(i), p.outputChannels);
    offsetB[i] = (column * depth + first + depthOfB(i)) * BYTES_B;
  }
  clearSums();
  accumulate(left);
  Epilogue e = Epilogue(p.y, p.bias, p.residual, 1.0);
  uint columns = p.outputChannels;
  storeBlock(e, block, block.copy * pixels * columns, columns, pixels, columns);
}
