// dk = sum over queries of ds q, dv = sum over queries of w dO, with w = exp(scale q.k - logSumExp),
// ds = scale w (dO.v - delta). Shapes: parameters/attention.h. One invocation per key (and CHUNK
// columns of dk and dv), one workgroup per block of keys of a head; all lanes walk over the queries.
// Meaning: Graph/Operations/Attention+Gradient.swift
#version 460
#include "attention/rows.glsl"
#include "parameters/attention_gradient.h"

void main() {
  Part part = workgroupPart(p.keys, p.heads);
  if (part.batch >= p.samples) return;
  uint own = headRow(part, p.keys, part.row, p.heads);
  OwnRow k = ownRow(p.k, own);
  OwnRow v = ownRow(p.v, own);
  uint statistics = (part.batch * p.heads + part.head) * p.queries;
  float keySums[CHUNK];
  float valueSums[CHUNK];
  clear(keySums);
  clear(valueSums);
  uint begin = 0;
  if (CAUSAL) begin = part.firstRow;
  for (uint query = begin; query < p.queries; query++) {
    uint other = headRow(part, p.queries, query, p.heads);
    SharedRow q = sharedRow(p.q, other);
    SharedRow dO = sharedRow(p.dO, other);
    bool isSeen = !CAUSAL || part.row <= query;
    float logSumExp = loadF32(p.logSumExp, statistics + query);
    float weight = isSeen ? exponential(p.scale * dotProduct(k, q) - logSumExp) : 0.0;
    float delta = loadF32(p.delta, statistics + query);
    float ds = p.scale * weight * (dotProduct(v, dO) - delta);
    addScaled(keySums, 1.0, ds, q, part.firstColumn);
    addScaled(valueSums, 1.0, weight, dO, part.firstColumn);
  }
  if (part.isInside) {
    storeChunk(p.first, own + part.firstColumn, keySums);
    storeChunk(p.second, own + part.firstColumn, valueSums);
  }
}
