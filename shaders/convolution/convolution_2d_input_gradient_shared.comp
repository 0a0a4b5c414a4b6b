// dx[n, h, w, i] = sum over r, s, o of dy[n, (h + top - r) / stride, (w + left - s) / stride, o]
//   weight[o, r, s, i] over the taps for which the divisions are exact and inside: every pixel of dx
// gathers, through shared memory. FORM 2 (I and O multiples of 4) or 0; see product/staging.glsl, and
// product/block.glsl for the kernels `shared` and `matrix`.
// Shapes: a = dy [N, Ho, Wo, O], b = weight [O, kh, kw, I]; y = dx [N, H, W, I], or f32 partial sums
// [splits, N, H, W, I] for product/sum_partials.comp.
// One workgroup per block of pixels and input channels (blocks of pixels first) and split of k.
// Meaning: Graph/Operations/Convolution2D+Gradient.swift
#version 460
#define A_HAS_EDGES 1
#include "product/block.glsl"
#include "convolution/taps.glsl"

uint left;  // values of k

#if WHOLE
// All items see the same tap: its bit, and byte offsets of its values; of items, offsets from there, and bits
// of the taps that an item's pixel gathers from.
Tap tap;
uint tapBit, offsetOfTapA;
uint64_t b;
uint offsetA[A_ITEMS], offsetB[B_ITEMS], gathered[A_ITEMS];
// As bits: the first tap of every line, of every line that is whole strides from the first, and the columns of
// a line that are.
uint starts, stridedStarts, stridedColumns;

void fetchItemA(uint i) {
  fetchA(i, p.a, offsetA[i] - offsetOfTapA, (gathered[i] & tapBit) != 0);
}
void fetchItemB(uint i) { fetchB(i, b, offsetB[i], true); }
void placeTap() {
  tapBit = 1u << tap.y * p.kernelWidth + tap.x;
  uint back = tap.y / p.stride * p.outputWidth + tap.x / p.stride;
  offsetOfTapA = (back * p.outputChannels - tap.channel) * BYTES_A;
  uint line = (tap.channel * p.kernelHeight + tap.y) * p.kernelWidth + tap.x;
  b = p.b + uint64_t(line * p.inputChannels) * BYTES_B;
}
void moveOn() {
  left -= DEPTH;
  moveTap(tap, DEPTH, p.outputChannels);
  placeTap();
}
void placeTaps(uint first) {
  tap = tapAt(first, p.outputChannels);
  placeTap();
  starts = lineStarts(1);
  stridedStarts = lineStarts(p.stride);
  stridedColumns = 0;
  for (uint x = 0; x < p.kernelWidth; x += p.stride) stridedColumns |= 1u << x;
}
void placeA(uint i, uint sampleIndex, uint y, uint x) {
  uint stride = p.stride, width = p.kernelWidth;
  uint pixel = (sampleIndex * p.outputHeight + y / stride) * p.outputWidth + x / stride;
  offsetA[i] = (pixel * p.outputChannels + depthOfA(i)) * BYTES_A;
  // Tap t sees position / stride - t / stride where both leave the same remainder: then t is at most the
  // position, and not a size further back.
  uint columns = stridedColumns << x % stride & (1u << width) - 1;
  uint exact = columns * (stridedStarts << y % stride * width);
  ivec2 end = ivec2(y, x) + 1;
  ivec2 first = end - int(stride) * ivec2(p.outputHeight, p.outputWidth);
  gathered[i] = tapBits(first, end, starts) & exact;
}
void placeB(uint i, uint column) {
  uint line = depthOfB(i) * p.kernelHeight * p.kernelWidth;
  offsetB[i] = (line * p.inputChannels + column) * BYTES_B;
}
#else
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
// What the invocation reads next.
Tap tapA;
Tap tapB[B_TAPS];

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
  left -= DEPTH;
  moveTap(tapA, DEPTH, p.outputChannels);
  [[unroll]] for (uint i = 0; i < B_TAPS; i++) moveTap(tapB[i], DEPTH, p.outputChannels);
}
void placeTaps(uint first) {
  tapA = tapAt(first + depthOfA(0), p.outputChannels);
  [[unroll]] for (uint i = 0; i < B_TAPS; i++) {
    tapB[i] = tapAt(first + depthOfB(i), p.outputChannels);
  }
}
void placeA(uint i, uint sampleIndex, uint y, uint x) {
  quotientY[i] = y / p.stride;
  quotientX[i] = x / p.stride;
  remainders[i] = y % p.stride << 16 | x % p.stride;
  sampleLine[i] = sampleIndex * p.outputHeight;
}
void placeB(uint i, uint first) { column[i] = first; }
#endif

void main() {
  uint pixels = p.samples * p.height * p.width;
  Block block = blockOfGroup(pixels, p.firstColumn, p.endColumn);
  if (block.copy >= p.splits) return;
  uint first = block.copy * p.splitLength;
  left = min(p.splitLength, p.kernelHeight * p.kernelWidth * p.outputChannels - first);
  placeTaps(first);
  [[unroll]] for (uint i = 0; i < A_ITEMS; i++) {
    uint pixel = clampedRow(block.row + rowOfA(i), pixels);
    uint line = pixel / p.width;
    placeA(i, line / p.height, line % p.height + p.top, pixel % p.width + p.left);
  }
  [[unroll]] for (uint i = 0; i < B_ITEMS; i++) {
    placeB(i, clampedColumn(block.column + columnOfB(i), p.inputChannels));
  }
  clearSums();
  accumulate(left);
  Epilogue e = Epilogue(p.y, 0ul, p.residual, 1.0);
  uint columns = p.inputChannels;
  storeBlock(e, block, block.copy * pixels * columns, columns, pixels, columns);
}
