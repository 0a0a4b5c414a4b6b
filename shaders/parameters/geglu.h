#include "common.h"

// count elements of y or dy in rows of the given width.
PARAMETERS(GEGLUParameters) {
  ADDRESS x;
  ADDRESS dy;
  ADDRESS y;
  UINT count;
  UINT width;
} END_PARAMETERS(GEGLUParameters);
