// dw[o, r, s, i] = sum over n, h, w of dy[n, h, w, o] x[n, h stride + r - top, w stride + s - left, i]:
// for each tap the product of dy [pixels, O], transposed, with the pixels of x that it sees.
// With ROW_SUMS (one split) db[o] = sum of dy over the pixels as well, at the bias's address.
// FORM 3 (I and O multiples of 4) or 0; see product/tile.glsl.
// Shapes: a = dy [N, Ho, Wo, O], b = x [N, H, W, I]; y = dw [O, kh, kw, I], or f32 partial sums
// [splits, O, kh, kw, I] for product/sum_partials.comp.
// One workgroup per block of channels, tap and split of the pixels, in this order.
// Meaning: Graph/Operations/Convolution2D+Gradient.swift
#version 460
#define MASKED_COLUMNS true
#include "product/tile.glsl"
#include "parameters/convolution_2d.h"

void main() {
  uint taps = p.kernelHeight * p.kernelWidth;
  Place at = place(p.outputChannels, p.inputChannels, p.laneShift);
  uint tap = at.copy % taps;
  uint split = at.copy / taps;
  if (split >= p.splits) return;
  uint first = split * p.splitLength;
  uint last = min(first + p.splitLength, p.samples * p.outputHeight * p.outputWidth);
  clearSums();
#ifdef ROW_SUMS
  clearRowSums();
#endif
#ifdef PANELS
  setRowPanels(at, p.outputChannels, p.aWidth, p.samples * p.outputHeight * p.outputWidth);
  setColumnPanels(at, p.inputChannels, p.bWidth, p.samples * p.height * p.width);
#else
  setRows(at, p.outputChannels, 1);
  setColumns(at, p.inputChannels, 1);
#endif
  uint height = p.height, width = p.width, stride = p.stride;
  uint outputHeight = p.outputHeight, outputWidth = p.outputWidth;
  uint aWidth = p.aWidth, bWidth = p.bWidth;
  // What the tap sees at the first pixel; below zero is a large number.
  uint startY = tap / p.kernelWidth - p.top, startX = tap % p.kernelWidth - p.left;
  uint h = first / outputWidth % outputHeight, w = first % outputWidth;
  uint sampleLine = first / (outputWidth * outputHeight) * height;
  uint64_t dy = p.a, x = p.b;
  for (uint turn = first; turn < last; turn += TURN) {
    [[unroll]] for (uint i = 0; i < TURN; i++) {
      uint pixel = min(turn + i, last - 1);
#ifdef ROW_SUMS
      stepInside = turn + i < last;
#endif
      uint lineX = startX + w * stride, lineY = startY + h * stride;
      columnsInside = turn + i < last && lineY < height && lineX < width;
      uint offset = columnsInside ? ((sampleLine + lineY) * width + lineX) * bWidth : 0;
      addStep(dy, pixel * aWidth, x, offset, 0, 1, i);
      w++;
      bool isLineDone = w == outputWidth;
      w = isLineDone ? 0 : w;
      h += uint(isLineDone);
      bool isSampleDone = h == outputHeight;
      h = isSampleDone ? 0 : h;
      sampleLine += isSampleDone ? height : 0;
    }
  }
#ifdef ROW_SUMS
  storeRowSums(p.bias, at, p.outputChannels);
#endif
  Epilogue e = Epilogue(p.y, 0ul, 0ul, 1.0);
  uint rowStride = taps * p.inputChannels;
  uint offset = split * p.outputChannels * rowStride + tap * p.inputChannels;
  storeTile(e, at, offset, rowStride, p.outputChannels, p.inputChannels);
}
