// Sums over a workgroup in a fixed order, and long sums of one lane.
//
// SINGLE_SUBGROUP (CPUs): the workgroup is one subgroup, so there is neither shared memory nor a
// barrier, which lavapipe runs as coroutines. Otherwise the sums of the subgroups meet in shared
// memory, and every lane adds them in the same order.
#ifndef COMMON_REDUCE_GLSL
#define COMMON_REDUCE_GLSL

#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require

#ifndef SINGLE_SUBGROUP
shared vec2 partialSums[128];
#endif

// The sum over all lanes of the workgroup, in every lane. To be called by all of them.
vec2 groupSum(vec2 value) {
  vec2 sum = subgroupAdd(value);
#ifndef SINGLE_SUBGROUP
  barrier();  // the sums before have been read
  if (subgroupElect()) partialSums[gl_SubgroupID] = sum;
  barrier();
  sum = vec2(0);
  for (uint i = 0; i < gl_NumSubgroups; i++) sum += partialSums[i];
#endif
  return sum;
}
// The largest values over all lanes of the workgroup, in every lane. To be called by all of them.
vec2 groupMax(vec2 value) {
  vec2 most = subgroupMax(value);
#ifndef SINGLE_SUBGROUP
  barrier();  // what was there has been read
  if (subgroupElect()) partialSums[gl_SubgroupID] = most;
  barrier();
  most = partialSums[0];
  for (uint i = 1; i < gl_NumSubgroups; i++) most = max(most, partialSums[i]);
#endif
  return most;
}

float groupSum(float value) { return groupSum(vec2(value, 0)).x; }

// The subgroups of a workgroup side by side, each with work of its own that its lanes share without a
// barrier (subgroupAdd): which one it is, how many there are, and the same of a lane in it.
#ifdef SINGLE_SUBGROUP
uint subgroupIndex() { return 0; }
uint subgroupCount() { return 1; }
uint laneIndex() { return gl_LocalInvocationIndex; }
#else
uint subgroupIndex() { return gl_SubgroupID; }
uint subgroupCount() { return gl_NumSubgroups; }
uint laneIndex() { return gl_SubgroupInvocationID; }
#endif
// Lanes of a subgroup: not gl_SubgroupSize, which may be larger than the subgroups are. A macro, because the
// size of the workgroup is not known before the kernel's layout.
#define laneCount() (gl_WorkGroupSize.x / subgroupCount())

// A sum with the part that rounding lost (Kahan). Terms are themselves sums of up to CHUNK values:
// the error of a million terms stays near that of a few dozen.
const uint CHUNK = 32;

struct LongSum {
  vec2 value;
  vec2 lost;
};

LongSum longSum() { return LongSum(vec2(0), vec2(0)); }

void add(inout LongSum sum, vec2 term) {
  precise vec2 corrected = term - sum.lost;
  precise vec2 total = sum.value + corrected;
  precise vec2 lost = (total - sum.value) - corrected;
  sum.value = total;
  sum.lost = lost;
}

#ifdef COMMON_VALUES_GLSL
// Sums of each element of Values by themselves.
#ifdef PAIRS
void addValue(inout LongSum sum, vec2 term) { add(sum, term); }
vec2 valueOf(LongSum sum) { return sum.value; }
#else
void addValue(inout LongSum sum, float term) { add(sum, vec2(term, 0)); }
float valueOf(LongSum sum) { return sum.value.x; }
#endif
#endif

#endif
