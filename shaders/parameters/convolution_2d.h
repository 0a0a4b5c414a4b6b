#include "common.h"

// The window of Graph/Operations/Convolution2D.swift, for the convolution (a = x, b = weight, y) and
// its gradients (a = dy, b = weight, y = dx; a = dy, b = x, y = dw). laneShift: see
// product/tile.glsl. aWidth, bWidth: elements from a pixel, or a tap, to the next in the gradients' a and b:
// their channels, or the width of a panel (product/panels.comp). Blocks cover columns of y from firstColumn
// to endColumn.
PARAMETERS(Convolution2DParameters) {
  ADDRESS a;
  ADDRESS b;
  ADDRESS y;
  ADDRESS bias;
  ADDRESS residual;
  UINT samples;
  UINT height;
  UINT width;
  UINT inputChannels;
  UINT outputHeight;
  UINT outputWidth;
  UINT outputChannels;
  UINT kernelHeight;
  UINT kernelWidth;
  UINT stride;
  UINT top;
  UINT left;
  UINT splits;
  UINT splitLength;
  UINT laneShift;
  UINT aWidth;
  UINT bWidth;
  UINT firstColumn;
  UINT endColumn;
} END_PARAMETERS(Convolution2DParameters);
