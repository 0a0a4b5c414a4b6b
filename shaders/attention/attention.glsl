// What the attention kernels share. Lanes run over rows (queries, or keys for dk and dv): an
// invocation owns ROWS rows, lanes apart, and walks the other side in blocks of OTHERS, whose loads
// are the same in all lanes. It keeps ROWS x OTHERS scores; sums as wide as a head stay in memory,
// where only their owner touches them, so that one kernel serves every head width, and no barrier
// or shared memory is needed.
#ifndef ATTENTION_ATTENTION_GLSL
#define ATTENTION_ATTENTION_GLSL
// First of all: before this declaration gl_WorkGroupSize silently stands for 1.
#ifndef THREADS
layout(local_size_x_id = 0) in;
#endif
#include "common/index.glsl"
#include "common/math.glsl"
#include "product/quad.glsl"
#include "parameters/attention.h"

QUAD_ACCESS(Q, STORAGE_Q)  // q, o, dO, dq
QUAD_ACCESS(K, STORAGE_K)  // k, v, dk, dv
QUAD_ACCESS(Sum, 0)

// Which head of which sample a workgroup works on, and on which rows.
struct Place {
  uint width;      // D
  uint rowStride;  // elements from a query or key to the next
  uint queryBase;  // element offset of the head's first query in q, o, dO, dq
  uint keyBase;    // the same in k, v, dk, dv
  uint statistic;  // offset of the head's first logSumExp and delta
  uint firstRow;
  bool isPresent;
};

// Blocks of `blockRows` of `rows` first, then heads, then samples.
Place placeOfGroup(uint rows, uint blockRows) {
  uint heads = p.packedHeads >> 16;
  uint blocks = (rows + blockRows - 1) / blockRows;
  uint group = linearGroup();
  uint head = group / blocks % heads;
  uint item = group / (blocks * heads);
  Place place;
  place.width = p.packedHeads & 0xffffu;
  place.rowStride = heads * place.width;
  place.queryBase = item * p.queries * place.rowStride + head * place.width;
  place.keyBase = item * p.keys * place.rowStride + head * place.width;
  place.statistic = (item * heads + head) * p.queries;
  place.firstRow = group % blocks * blockRows;
  place.isPresent = item < p.samples;
  return place;
}

// Where every lane has rows of its own.
Place place(uint rows) { return placeOfGroup(rows, gl_WorkGroupSize.x * ROWS); }

// Row r of this lane; may lie outside.
uint laneRow(Place place, uint r) {
  return place.firstRow + gl_LocalInvocationIndex + gl_WorkGroupSize.x * r;
}

// e^x for x <= 0 and a little above; 0 or next to it below -87; NaN of NaN. The device's own exp, as in
// common/activation.glsl.
float weight(float x) { return isnan(x) ? x : exp(x); }

#endif
