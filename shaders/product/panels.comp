// y[n, c / width, r, c % width] = x[n, r, c]: a matrix in panels of `width` columns, one after the other, so
// that what a workgroup of a product reads is contiguous. Read across rows 10 KB apart, a product spends
// more than half its time waiting for memory: few of them fit into a cache's sets, and each is a page.
// Shapes: see parameters/panels.h. The last panel is as long as the others; what lies behind the columns
// is undefined. A workgroup: one part of the rows of one matrix, lanes side by side over columns.
// Used by products of Graph/Operations/MatrixProduct.swift and Convolution2D+Gradient.swift
#version 460
#include "common/storage.glsl"
#include "common/index.glsl"
#include "parameters/panels.h"
layout(local_size_x_id = 0) in;

void main() {
  uint blocks = (p.columns + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;
  uint part = linearGroup() / blocks;  // of all matrices
  uint column = (linearGroup() - part * blocks) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (part >= p.copies * p.parts || column >= p.columns) return;
  uint copy = part / p.parts;
  uint row = (part - copy * p.parts) * p.rowsOfPart;
  uint end = min(row + p.rowsOfPart, p.rows);
  uint panels = (p.columns + p.width - 1) / p.width;
  uint panel = column / p.width;
  WideArray x = WideArray(p.x + 8 * uint64_t(copy * p.rows * p.columns + column));
  WideArray y = WideArray(
      p.y + 8 * uint64_t((copy * panels + panel) * p.rows * p.width + column - panel * p.width));
  for (; row < end; row++) y.at[row * p.width] = x.at[row * p.columns];
}
