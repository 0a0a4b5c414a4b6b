// Tensors of an update, found through a table in memory (UpdateTable in Shaders/Kernels), so that one
// launch updates them all, wherever they lie. A table has an entry of 64-bit words for each tensor:
//
//   0  the first of its workgroups | its elements << 32
//   1  its position among all parameters | a size of the kernel's << 32
//   2  addresses, by role
//
// A workgroup updates CHUNK elements of one tensor.
#ifndef OPTIMIZER_TENSORS_GLSL
#define OPTIMIZER_TENSORS_GLSL
#include "common/values.glsl"
#include "common/index.glsl"

const uint CHUNK_ELEMENTS = 2048;
const uint CHUNK_VALUES = CHUNK_ELEMENTS / VALUE_SIZE;

struct UpdatedTensor {
  uint64_t entry;      // address of its entry
  uint group;          // this workgroup's number among the tensor's own
  uint count;          // elements
  uint index;          // position among all parameters
  uint size;           // whatever the kernel needs
};

uint64_t tableWord(uint64_t table, uint word) { return WideArray(table).at[word]; }

// The tensor that a workgroup belongs to: the last one whose first workgroup is not behind it.
UpdatedTensor updatedTensor(uint64_t table, uint entryWords, uint tensorCount, uint group) {
  uint low = 0, high = tensorCount;
  while (high - low > 1) {
    uint middle = (low + high) / 2;
    if (unpack32(tableWord(table, middle * entryWords)).x <= group) low = middle;
    else high = middle;
  }
  uvec2 extent = unpack32(tableWord(table, low * entryWords));
  uvec2 more = unpack32(tableWord(table, low * entryWords + 1));
  uint64_t entry = table + uint64_t(low * entryWords) * 8;
  return UpdatedTensor(entry, group - extent.x, extent.y, more.x, more.y);
}

// The address of a role's tensor.
uint64_t address(UpdatedTensor tensor, uint role) { return tableWord(tensor.entry, 2 + role); }

#endif
