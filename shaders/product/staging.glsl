// How a workgroup of THREADS invocations brings DEPTH values of k for a block of BLOCK_ROWS rows of a
// and BLOCK_COLUMNS columns of b from memory: first into registers (while the block before is being
// multiplied), then into shared memory. Memory is read along its contiguous dimension, VECTOR elements
// at a time:
//
//   FORM 1   a [M, K], b [N, K]: along k in both
//   FORM 2   a [M, K], b [K, N]: along k in a, along n in b
//   FORM 3   a [K, M], b [K, N]: along m in a, along n in b
//   FORM 0   any strides, VECTOR 1, lanes along k
//
// VECTOR is 4, or 8 where all contiguous dimensions are multiples of 8. The block of an operand is a
// number of lines of VECTORS vectors; an invocation brings vector `laneVector` of ITEMS lines, STEP
// lines apart. Everything is a power of two. Rows and columns outside are clamped to ones inside, whose
// sums are not stored; values of k outside count as zeros in both operands.
//
// With WHOLE 1 DEPTH divides the values of k of every split: none of a block lies outside, and what a kernel
// does not clamp otherwise (A_HAS_EDGES, B_HAS_EDGES) is loaded without a question.
//
// With ALONG_K 1 shared memory is to keep k together although memory does not (FORM 2's b, both of FORM 3):
// an invocation then brings pairs of lines, so that it can write two values of k at once. The pairs of
// eight or more k run fastest in the lanes, because a row's values of k lie in different banks.
//
// A kernel says where items come from (`fetchItemA`, `fetchItemB`, `moveOn`). Byte offsets are 32-bit: a
// tensor lies in one arena of at most 4 GiB.
#ifndef PRODUCT_STAGING_GLSL
#define PRODUCT_STAGING_GLSL
layout(local_size_x = THREADS) in;
#include "common/index.glsl"
#include "product/epilogue.glsl"

#if FORM == 3
#define A_LINES DEPTH
#define A_ALONG BLOCK_ROWS
#else
#define A_LINES BLOCK_ROWS
#define A_ALONG DEPTH
#endif
#if FORM >= 2
#define B_LINES DEPTH
#define B_ALONG BLOCK_COLUMNS
#else
#define B_LINES BLOCK_COLUMNS
#define B_ALONG DEPTH
#endif

#ifndef ALONG_K
#define ALONG_K 0
#endif
#ifndef WHOLE
#define WHOLE 0
#endif
#ifndef A_HAS_EDGES
#define A_HAS_EDGES 0
#endif
#ifndef B_HAS_EDGES
#define B_HAS_EDGES 0
#endif
#define A_IS_PAIRED (ALONG_K == 1 && FORM == 3)
#define B_IS_PAIRED (ALONG_K == 1 && FORM >= 2)

const uint BYTES_A = STORAGE_A == 0 ? 4 : 2;
const uint BYTES_B = STORAGE_B == 0 ? 4 : 2;
const uint A_VECTORS = A_ALONG / VECTOR;
const uint B_VECTORS = B_ALONG / VECTOR;
const uint A_STEP = THREADS / A_VECTORS;
const uint B_STEP = THREADS / B_VECTORS;
// Pairs of vectors of a block, where they are read in pairs.
const uint PAIRS = DEPTH / 2;
const uint A_SLOTS = A_VECTORS * PAIRS;
const uint B_SLOTS = B_VECTORS * PAIRS;
#if A_IS_PAIRED
const uint A_ITEMS = 2 * ((A_SLOTS + THREADS - 1) / THREADS);
#else
const uint A_ITEMS = (A_LINES + A_STEP - 1) / A_STEP;
#endif
#if B_IS_PAIRED
const uint B_ITEMS = 2 * ((B_SLOTS + THREADS - 1) / THREADS);
#else
const uint B_ITEMS = (B_LINES + B_STEP - 1) / B_STEP;
#endif
// uvec4 of one vector as it lies in memory.
const uint A_WORDS = (VECTOR * BYTES_A + 15) / 16;
const uint B_WORDS = (VECTOR * BYTES_B + 15) / 16;

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Bytes16 { uvec4 at; };
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer Bytes8 { uvec2 at; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Bytes4 { uint at; };
layout(buffer_reference, scalar, buffer_reference_align = 2) readonly buffer Bytes2 { uint16_t at; };

// The vectors in flight, as they lie in memory, and a bit for each that is inside: what is not counts as
// zeros, but only when it is used, so that nothing waits for a load before there is need.
uvec4 rawA[A_ITEMS][A_WORDS];
uvec4 rawB[B_ITEMS][B_WORDS];
uint insideA, insideB;

// Which vector of which line an item is, and whether the block has it: not all do where it is small.
#if A_IS_PAIRED
uint slotA(uint item) { return gl_LocalInvocationIndex + item / 2 * THREADS; }
uint vectorA(uint item) { return slotA(item) % 2 + slotA(item) / (2 * PAIRS) * 2; }
uint lineA(uint item) { return slotA(item) / 2 % PAIRS * 2 + item % 2; }
bool hasA(uint item) { return A_SLOTS % THREADS == 0 || slotA(item) < A_SLOTS; }
#else
uint vectorA(uint item) { return gl_LocalInvocationIndex % A_VECTORS; }
uint lineA(uint item) { return gl_LocalInvocationIndex / A_VECTORS + item * A_STEP; }
bool hasA(uint item) { return A_LINES % A_STEP == 0 || lineA(item) < A_LINES; }
#endif
#if B_IS_PAIRED
uint slotB(uint item) { return gl_LocalInvocationIndex + item / 2 * THREADS; }
uint vectorB(uint item) { return slotB(item) % 2 + slotB(item) / (2 * PAIRS) * 2; }
uint lineB(uint item) { return slotB(item) / 2 % PAIRS * 2 + item % 2; }
bool hasB(uint item) { return B_SLOTS % THREADS == 0 || slotB(item) < B_SLOTS; }
#else
uint vectorB(uint item) { return gl_LocalInvocationIndex % B_VECTORS; }
uint lineB(uint item) { return gl_LocalInvocationIndex / B_VECTORS + item * B_STEP; }
bool hasB(uint item) { return B_LINES % B_STEP == 0 || lineB(item) < B_LINES; }
#endif

// The row and the value of k (from the start of the block) where an item of a begins, the same of b.
uint rowOfA(uint item) { return FORM == 3 ? vectorA(item) * VECTOR : lineA(item); }
uint depthOfA(uint item) { return FORM == 3 ? lineA(item) : vectorA(item) * VECTOR; }
uint columnOfB(uint item) { return FORM >= 2 ? vectorB(item) * VECTOR : lineB(item); }
uint depthOfB(uint item) { return FORM >= 2 ? lineB(item) : vectorB(item) * VECTOR; }

// The first of VECTOR rows or columns, clamped to `count`, a multiple of VECTOR where they are read at
// once.
uint clampedRow(uint row, uint count) { return min(row, count - (FORM == 3 ? VECTOR : 1)); }
uint clampedColumn(uint column, uint count) { return min(column, count - (FORM >= 2 ? VECTOR : 1)); }

uvec4 loadWords(uint64_t address, uint byteCount) {
  if (byteCount >= 16) return Bytes16(address).at;
  if (byteCount == 8) return uvec4(Bytes8(address).at, 0, 0);
  if (byteCount == 4) return uvec4(Bytes4(address).at, 0, 0, 0);
  return uvec4(uint(Bytes2(address).at), 0, 0, 0);
}

// Whether the value of k of an item is among those that are left.
bool isWithin(uint k, uint left) { return WHOLE == 1 || k < left; }

// Fills an item from base + offset (in bytes); `words` are zeros if it is not inside. No branch: a load that
// is not wanted goes to the base.
#define FETCH(NAME, BYTES, WORDS, IS_CHECKED)                                         \
  void fetch##NAME(uint item, uint64_t base, uint offset, bool isInside) {            \
    uint64_t address = base + uint64_t(!IS_CHECKED || isInside ? offset : 0);         \
    uint bit = 1u << item;                                                            \
    if (IS_CHECKED) inside##NAME = isInside ? inside##NAME | bit : inside##NAME & ~bit; \
    [[unroll]] for (uint w = 0; w < WORDS; w++) {                                     \
      raw##NAME[item][w] = loadWords(address + 16 * w, VECTOR * BYTES);               \
    }                                                                                 \
  }                                                                                   \
  uvec4 words##NAME(uint item, uint w) {                                              \
    bool isInside = !IS_CHECKED || (inside##NAME & 1u << item) != 0;                  \
    return isInside ? raw##NAME[item][w] : uvec4(0);                                  \
  }
FETCH(A, BYTES_A, A_WORDS, (WHOLE == 0 || A_HAS_EDGES == 1))
FETCH(B, BYTES_B, B_WORDS, (WHOLE == 0 || B_HAS_EDGES == 1))

// Four elements as they lie in memory as numbers; the first alone where VECTOR is 1.
vec4 numbers(uvec4 low, uvec4 high, uint first, uint storage) {
  if (storage == 0) return uintBitsToFloat(first == 0 ? low : high);
  uvec2 words = first == 0 ? low.xy : low.zw;
  if (storage == 1) return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y));
  return uintBitsToFloat(
      uvec4(words.x << 16, words.x & 0xffff0000u, words.y << 16, words.y & 0xffff0000u));
}
vec4 numbersA(uint item, uint first) {
  return numbers(wordsA(item, 0), wordsA(item, A_WORDS - 1), first, STORAGE_A);
}
vec4 numbersB(uint item, uint first) {
  return numbers(wordsB(item, 0), wordsB(item, B_WORDS - 1), first, STORAGE_B);
}

// The block of a result that a workgroup computes.
struct Block {
  uint row;
  uint column;
  uint copy;  // which of several results of this size: blocks of rows run first, then columns
};

// Blocks cover the rows, and the columns from `firstColumn` to `endColumn`.
Block blockOfGroup(uint rows, uint firstColumn, uint endColumn) {
  uint rowBlocks = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
  uint columnBlocks = (endColumn - firstColumn + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
  uint group = linearGroup();
  Block block;
  block.row = group % rowBlocks * BLOCK_ROWS;
  block.column = firstColumn + group / rowBlocks % columnBlocks * BLOCK_COLUMNS;
  block.copy = group / (rowBlocks * columnBlocks);
  return block;
}

// Supplied by the kernel: fills an item of rawA or rawB with what DEPTH values of k need, and moves on to the
// next DEPTH, of which there must be some.
void fetchItemA(uint item);
void fetchItemB(uint item);
void moveOn();

void fetch() {
  [[unroll]] for (uint item = 0; item < A_ITEMS; item++) fetchItemA(item);
  [[unroll]] for (uint item = 0; item < B_ITEMS; item++) fetchItemB(item);
}

// Supplied by the tile: rawA and rawB into shared memory, and `count` values of k of their product, from
// `first` on, into the sums.
void stage(uint stageIndex);
void multiply(uint stageIndex, uint first, uint count);

#ifndef STAGES
#define STAGES 1
#endif
#ifndef LOADS
#define LOADS 0
#endif

// Sums `depth` values of k.
#if LOADS != 0
// With LOADS 2 a condition that always holds (launches are one deep in z), but that a compiler cannot decide:
// NVIDIA's may move loads behind all multiplications, where nothing hides them, unless they hang on one.
bool isTime() { return LOADS == 1 || gl_NumWorkGroups.z == 1; }

// One stage. Each step of matrix units is followed by its share of the next loads, so that those of
// shared memory do not wait behind all of them.
void accumulate(uint depth) {
  const uint STEPS = DEPTH / MATRIX_K;
  fetch();
  stage(0);
  barrier();
  for (uint k = DEPTH; k < depth; k += DEPTH) {
    moveOn();
    [[unroll]] for (uint s = 0; s < STEPS; s++) {
      multiply(0, s * MATRIX_K, MATRIX_K);
      if (isTime()) {
        [[unroll]] for (uint i = 0; i < A_ITEMS / STEPS; i++) fetchItemA(s * (A_ITEMS / STEPS) + i);
        [[unroll]] for (uint i = 0; i < B_ITEMS / STEPS; i++) fetchItemB(s * (B_ITEMS / STEPS) + i);
      }
    }
    barrier();
    stage(0);
    barrier();
  }
  multiply(0, 0, DEPTH);
}
#else
// With two stages a block of k costs one barrier, with one stage two and half the shared memory.
void accumulate(uint depth) {
  uint current = 0;
  fetch();
  stage(0);
  barrier();
  for (uint k = DEPTH;; k += DEPTH) {
    bool isLast = k >= depth;
    if (!isLast) {
      moveOn();
      fetch();
    }
    multiply(current, 0, DEPTH);
    if (isLast) break;
    if (STAGES == 1) barrier();
    current = STAGES == 1 ? 0 : 1 - current;
    stage(current);
    barrier();
  }
}
#endif

#endif
