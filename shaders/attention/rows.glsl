// Rows of a head for attention: each invocation has a row of its own (a query, or a key), and the
// workgroup walks together over the rows of the other side, which are shared by all lanes.
//
// WIDTH is the head's width. Up to 128 it is held in registers (WIDE 0); a wider head is read from
// memory as it is used (WIDE 1), and an invocation sums only CHUNK of its columns.
// With LANES set (a subgroup of that many lanes is the workgroup) a shared row is loaded once across
// the lanes and handed round: a CPU pays for each load.
#ifndef ATTENTION_ROWS_GLSL
#define ATTENTION_ROWS_GLSL
layout(local_size_x_id = 0) in;
#include "common/storage.glsl"
#include "common/index.glsl"
#include "common/math.glsl"
#ifdef LANES
#extension GL_KHR_shader_subgroup_ballot : require
#endif

STORAGE_ACCESS(X, STORAGE_X)

const uint CHUNKS = WIDTH / CHUNK;

#if WIDE
struct OwnRow { uint64_t base; uint first; };
struct SharedRow { uint64_t base; uint first; };

OwnRow ownRow(uint64_t base, uint first) { return OwnRow(base, first); }
SharedRow sharedRow(uint64_t base, uint first) { return SharedRow(base, first); }
float value(SharedRow row, uint d) { return loadX(row.base, row.first + d); }

float dotProduct(OwnRow own, SharedRow other) {
  float sum = 0;
  for (uint d = 0; d < WIDTH; d++) {
    sum += loadX(own.base, own.first + d) * loadX(other.base, other.first + d);
  }
  return sum;
}
#else
struct OwnRow { float at[WIDTH]; };

OwnRow ownRow(uint64_t base, uint first) {
  OwnRow row;
  [[unroll]] for (uint d = 0; d < WIDTH; d++) row.at[d] = loadX(base, first + d);
  return row;
}

#ifdef LANES
const uint SHARE = WIDTH / LANES;
struct SharedRow { float part[SHARE]; };

SharedRow sharedRow(uint64_t base, uint first) {
  SharedRow row;
  uint start = first + gl_LocalInvocationIndex * SHARE;
#if STORAGE_X == 0
  [[unroll]] for (uint i = 0; i < SHARE / 2; i++) {
    vec2 pair = uintBitsToFloat(unpack32(WideArray(base).at[start / 2 + i]));
    row.part[2 * i] = pair.x;
    row.part[2 * i + 1] = pair.y;
  }
#else
  [[unroll]] for (uint i = 0; i < SHARE; i++) row.part[i] = loadX(base, start + i);
#endif
  return row;
}
float value(SharedRow row, uint d) { return subgroupBroadcast(row.part[d % SHARE], d / SHARE); }
#else
struct SharedRow { uint64_t base; uint first; };

SharedRow sharedRow(uint64_t base, uint first) { return SharedRow(base, first); }
float value(SharedRow row, uint d) { return loadX(row.base, row.first + d); }
#endif

float dotProduct(OwnRow own, SharedRow other) {
  float sums[4] = float[4](0, 0, 0, 0);
  [[unroll]] for (uint d = 0; d < WIDTH; d++) sums[d % 4] += own.at[d] * value(other, d);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}
#endif

// sums[d] = keep * sums[d] + weight * row[first + d].
void addScaled(inout float sums[CHUNK], float keep, float weight, SharedRow row, uint first) {
  [[unroll]] for (uint d = 0; d < CHUNK; d++) {
    sums[d] = keep * sums[d] + weight * value(row, first + d);
  }
}

void clear(out float sums[CHUNK]) {
  [[unroll]] for (uint d = 0; d < CHUNK; d++) sums[d] = 0;
}

void storeChunk(uint64_t base, uint first, float sums[CHUNK]) {
  [[unroll]] for (uint d = 0; d < CHUNK; d++) storeX(base, first + d, sums[d]);
}

// What a workgroup works on: some rows of one side, for one head of one sample.
struct Part {
  uint batch;
  uint head;
  uint firstRow;     // of the lanes' own rows
  uint row;          // this lane's, clamped to the last
  bool isInside;     // whether it is stored
  uint firstColumn;  // of the chunk
};

Part workgroupPart(uint rows, uint heads) {
  uint blocks = (rows + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;
  uint group = linearGroup();
  Part part;
  part.firstColumn = group % CHUNKS * CHUNK;
  group /= CHUNKS;
  part.firstRow = group % blocks * gl_WorkGroupSize.x;
  part.head = group / blocks % heads;
  part.batch = group / blocks / heads;
  uint row = part.firstRow + gl_LocalInvocationIndex;
  part.row = min(row, rows - 1);
  part.isInside = row < rows;
  return part;
}

// First element of a row of a head in a tensor [samples, rows, heads WIDTH].
uint headRow(Part part, uint rows, uint row, uint heads) {
  return ((part.batch * rows + row) * heads + part.head) * WIDTH;
}

#endif
