// dq = sum over keys of ds k, with w = exp(scale q.k - logSumExp), ds = scale w (dO.v - delta).
// Shapes: parameters/attention.h. One invocation per query (and CHUNK columns of dq), one workgroup
// per block of queries of a head; all lanes walk over the keys.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#include "attention/rows.glsl"
#include "parameters/attention_gradient.h"

void main() {
  Part part = workgroupPart(p.queries, p.heads);
  if (part.batch >= p.samples) return;
  uint own = headRow(part, p.queries, part.row, p.heads);
  OwnRow q = ownRow(p.q, own);
  OwnRow dO = ownRow(p.dO, own);
  uint statistic = (part.batch * p.heads + part.head) * p.queries + part.row;
  float logSumExp = loadF32(p.logSumExp, statistic);
  float delta = loadF32(p.delta, statistic);
  float sums[CHUNK];
  clear(sums);
  uint end = p.keys;
  if (CAUSAL) end = min(end, part.firstRow + gl_WorkGroupSize.x);
  for (uint key = 0; key < end; key++) {
    uint other = headRow(part, p.keys, key, p.heads);
    SharedRow k = sharedRow(p.k, other);
    SharedRow v = sharedRow(p.v, other);
    bool isSeen = !CAUSAL || key <= part.row;
    float weight = isSeen ? exponential(p.scale * dotProduct(q, k) - logSumExp) : 0.0;
    float ds = p.scale * weight * (dotProduct(dO, v) - delta);
    addScaled(sums, 1.0, ds, k, part.firstColumn);
  }
  if (part.isInside) storeChunk(p.first, own + part.firstColumn, sums);
}
