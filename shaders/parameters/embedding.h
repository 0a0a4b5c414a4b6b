#include "common.h"

// Rows of x (a table, or dy) by ids; count is of elements of y, or of positions in the gradient.
PARAMETERS(EmbeddingParameters) {
  ADDRESS x;
  ADDRESS ids;
  ADDRESS y;
  UINT count;
  UINT width;
  UINT vocabulary;
} END_PARAMETERS(EmbeddingParameters);
