#include "common.h"

// prediction, target [samples, places, channels]; weight [samples]; mask [samples, places];
// sums [samples, parts, 2] of (error, mask), elementsOfPart elements in a part.
PARAMETERS(SampleLossParameters) {
  ADDRESS prediction;
  ADDRESS target;
  ADDRESS weight;
  ADDRESS mask;
  ADDRESS sums;
  ADDRESS loss;
  ADDRESS perSample;
  ADDRESS dloss;
  ADDRESS dprediction;
  UINT samples;
  UINT places;
  UINT channels;
  UINT parts;
  UINT elementsOfPart;
  FLOAT delta;
} END_PARAMETERS(SampleLossParameters);
