// o = softmax(scale q k^T) v for each head, logSumExp = log of the softmax's denominator.
// Shapes: parameters/attention.h. One invocation per query (and CHUNK columns of o), one workgroup
// per block of queries of a head; all lanes walk over the keys, KEYS at a time, with a running
// maximum (online softmax), so that no score is kept.
// Meaning: Graph/Operations/Attention.swift
#version 460
#include "attention/rows.glsl"
#include "parameters/attention.h"

const uint KEYS = 4;

void main() {
  Part part = workgroupPart(p.queries, p.heads);
  if (part.batch >= p.samples) return;
  uint own = headRow(part, p.queries, part.row, p.heads);
  OwnRow q = ownRow(p.q, own);
  float sums[CHUNK];
  clear(sums);
  float largest = -3.0e38;
  float total = 0;
  uint end = p.keys;
  if (CAUSAL) end = min(end, part.firstRow + gl_WorkGroupSize.x);
  for (uint first = 0; first < end; first += KEYS) {
    float scores[KEYS];
    bool isSeen[KEYS];
    float newLargest = largest;
    [[unroll]] for (uint i = 0; i < KEYS; i++) {
      uint key = min(first + i, end - 1);
      isSeen[i] = first + i < end && (!CAUSAL || key <= part.row);
      SharedRow k = sharedRow(p.k, headRow(part, p.keys, key, p.heads));
      scores[i] = p.scale * dotProduct(q, k);
      newLargest = isSeen[i] ? max(newLargest, scores[i]) : newLargest;
    }
    float keep = exponential(largest - newLargest);
    total *= keep;
    largest = newLargest;
    [[unroll]] for (uint i = 0; i < KEYS; i++) {
      uint key = min(first + i, end - 1);
      float weight = isSeen[i] ? exponential(scores[i] - largest) : 0.0;
      total += weight;
      SharedRow v = sharedRow(p.v, headRow(part, p.keys, key, p.heads));
      addScaled(sums, i == 0 ? keep : 1.0, weight, v, part.firstColumn);
    }
  }
  if (part.isInside) {
    float factor = 1.0 / total;
    [[unroll]] for (uint d = 0; d < CHUNK; d++) sums[d] *= factor;
    storeChunk(p.o, own + part.firstColumn, sums);
    if (part.firstColumn == 0) {
      uint statistic = (part.batch * p.heads + part.head) * p.queries + part.row;
      storeF32(p.logSumExp, statistic, largest + logarithm(total));
    }
  }
}
