// dw[o, r, s, i] = sum over n, h, w of dy[n, h, w, o] x[n, h stride + r - top, w stride + s - left, i]:
// for each tap the product of dy [pixels, O], transposed, with the pixels of x that it sees.
// FORM 3 (I and O multiples of 4) or 0; see product/tile.glsl.
// Shapes: a = dy [N, Ho, Wo, O], b = x [N, H, W, I]; y = dw [O, kh, kw, I], or f32 partial sums
// [splits, O, kh, kw, I] for product/sum_partials.comp.
// One workgroup per tile of channels, tap and split of the pixels, in this order.
// Meaning: Graph/Operations/Convolution2D+Gradient.swift
#version 460
#define MASKED_COLUMNS true
#include "product/tile.glsl"
#include "parameters/convolution_2d.h"

void main() {
  uint columnWidth = gl_WorkGroupSize.x * COLUMNS;
  uint rowBlocks = (p.outputChannels + ROWS - 1) / ROWS;
  uint columnBlocks = (p.inputChannels + columnWidth - 1) / columnWidth;
  uint taps = p.kernelHeight * p.kernelWidth;
  uint group = linearGroup();
  uint row = group % rowBlocks * ROWS;
  uint column = group / rowBlocks % columnBlocks * columnWidth;
  uint tap = group / (rowBlocks * columnBlocks) % taps;
  uint split = group / (rowBlocks * columnBlocks * taps);
  if (split >= p.splits) return;
  uint first = split * p.splitLength;
  uint last = min(first + p.splitLength, p.samples * p.outputHeight * p.outputWidth);
  clearSums();
  setRows(row, p.outputChannels, 1);
  setColumns(column, p.inputChannels, 1);
  uint height = p.height, width = p.width, stride = p.stride;
  uint outputHeight = p.outputHeight, outputWidth = p.outputWidth;
  uint inputChannels = p.inputChannels, outputChannels = p.outputChannels;
  // What the tap sees at the first pixel; below zero is a large number.
  uint startY = tap / p.kernelWidth - p.top, startX = tap % p.kernelWidth - p.left;
  uint h = first / outputWidth % outputHeight, w = first % outputWidth;
  uint sampleLine = first / (outputWidth * outputHeight) * height;
  uint64_t dy = p.a, x = p.b;
  for (uint pixel = first; pixel < last; pixel++) {
    uint lineX = startX + w * stride, lineY = startY + h * stride;
    columnsInside = lineY < height && lineX < width;
    uint offset = columnsInside ? ((sampleLine + lineY) * width + lineX) * inputChannels : 0;
    addStep(dy, pixel * outputChannels, x, offset, 0);
    w++;
    if (w == outputWidth) {
      w = 0;
      h++;
    }
    if (h == outputHeight) {
      h = 0;
      sampleLine += height;
    }
  }
  Epilogue e = Epilogue(p.y, 0ul, 0ul, 1.0);
  uint rowStride = taps * inputChannels;
  uint offset = split * outputChannels * rowStride + tap * inputChannels;
  storeTile(e, offset, rowStride, row, outputChannels, column, inputChannels);
}
