#pragma once
#include <stdio.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <vulkan/vulkan.h>

// What depends on the age of the headers is decided here, because Swift cannot test C macros.

// Fills `text` with what VK_EXT_device_fault knows about a lost device: a description and the
// addresses involved. Leaves it empty when the headers or the driver do not know the extension.
static inline void vkxl_describe_device_fault(VkDevice device, char *text, size_t capacity) {
  text[0] = 0;
#ifdef VK_EXT_device_fault
  PFN_vkGetDeviceFaultInfoEXT query =
      (PFN_vkGetDeviceFaultInfoEXT)vkGetDeviceProcAddr(device, "vkGetDeviceFaultInfoEXT");
  VkDeviceFaultCountsEXT counts = {.sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_COUNTS_EXT};
  if (!query || query(device, &counts, NULL) != VK_SUCCESS) return;
  VkDeviceFaultAddressInfoEXT addresses[8];
  memset(addresses, 0, sizeof addresses);
  if (counts.addressInfoCount > 8) counts.addressInfoCount = 8;
  counts.vendorInfoCount = 0;
  counts.vendorBinarySize = 0;
  VkDeviceFaultInfoEXT info = {.sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_INFO_EXT};
  info.pAddressInfos = addresses;
  VkResult result = query(device, &counts, &info);
  if (result != VK_SUCCESS && result != VK_INCOMPLETE) return;
  size_t used = (size_t)snprintf(text, capacity, "%s", info.description);
  for (uint32_t i = 0; i < counts.addressInfoCount && used < capacity; i++)
    used += (size_t)snprintf(
        text + used, capacity - used, "; address 0x%llx (kind %d, precision %llu bytes)",
        (unsigned long long)addresses[i].reportedAddress, (int)addresses[i].addressType,
        (unsigned long long)addresses[i].addressPrecision);
#else
  (void)device;
  (void)capacity;
#endif
}

// The feature structure that turns VK_EXT_device_fault on.
#ifdef VK_EXT_device_fault
typedef VkPhysicalDeviceFaultFeaturesEXT VkxlDeviceFaultFeatures;
static inline VkxlDeviceFaultFeatures vkxl_device_fault_features(void) {
  VkxlDeviceFaultFeatures features = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT, .deviceFault = VK_TRUE};
  return features;
}
#else
// Never linked: without the headers the extension is not enabled either.
typedef VkPhysicalDeviceFeatures2 VkxlDeviceFaultFeatures;
static inline VkxlDeviceFaultFeatures vkxl_device_fault_features(void) {
  VkxlDeviceFaultFeatures features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  return features;
}
#endif

static inline int vkxl_headers_know_device_fault(void) {
#ifdef VK_EXT_device_fault
  return 1;
#else
  return 0;
#endif
}

// Keeps freed memory in the process (glibc), for drivers whose compilers take and return megabytes again and
// again: the system clears them each time.
static inline void vkxl_keep_freed_memory(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

// Writes to standard error, which Swift's concurrency checking cannot name.
static inline void vkxl_write_error(const char *text) { fputs(text, stderr); }

// Cooperative matrices: VK_KHR_cooperative_matrix and VK_KHR_shader_bfloat16 are younger than the headers
// of some distributions, so their structures are declared here, under names of their own.
typedef struct VkxlMatrixFeatures {
  VkStructureType sType;
  void *pNext;
  VkBool32 cooperativeMatrix;
  VkBool32 cooperativeMatrixRobustBufferAccess;
} VkxlMatrixFeatures;

typedef struct VkxlBrainFeatures {
  VkStructureType sType;
  void *pNext;
  VkBool32 shaderBFloat16Type;
  VkBool32 shaderBFloat16DotProduct;
  VkBool32 shaderBFloat16CooperativeMatrix;
} VkxlBrainFeatures;

// One combination that a device multiplies; types are VkComponentTypeKHR.
typedef struct VkxlMatrixShape {
  uint32_t m, n, k;
  uint32_t a, b, c, result, scope;
} VkxlMatrixShape;

enum { VKXL_FLOAT16 = 0, VKXL_FLOAT32 = 1, VKXL_BFLOAT16 = 1000141000, VKXL_SCOPE_SUBGROUP = 3 };

// The feature structure of the KHR extension, or of NVIDIA's older one.
static inline VkxlMatrixFeatures vkxl_matrix_features(int isNV) {
  VkxlMatrixFeatures features = {
      .sType = (VkStructureType)(isNV ? 1000249000 : 1000506000), .cooperativeMatrix = VK_TRUE};
  return features;
}

// The feature structure of VK_KHR_shader_bfloat16, nothing turned on.
static inline VkxlBrainFeatures vkxl_brain_features(void) {
  VkxlBrainFeatures features = {.sType = (VkStructureType)1000141000};
  return features;
}

// Fills `shapes` with at most `capacity` combinations; returns how many.
static inline uint32_t vkxl_matrix_shapes(
    VkInstance instance, VkPhysicalDevice device, int isNV, VkxlMatrixShape *shapes,
    uint32_t capacity) {
  // The KHR structure; NVIDIA's is the same without `saturating`.
  typedef struct {
    VkStructureType sType;
    void *pNext;
    uint32_t m, n, k, a, b, c, result;
    uint32_t saturating, scope;
  } Properties;
  typedef VkResult(VKAPI_PTR * Query)(VkPhysicalDevice, uint32_t *, Properties *);
  typedef VkResult(VKAPI_PTR * QueryNV)(
      VkPhysicalDevice, uint32_t *, VkCooperativeMatrixPropertiesNV *);
  enum { MOST = 256 };
  PFN_vkVoidFunction function = vkGetInstanceProcAddr(
      instance, isNV ? "vkGetPhysicalDeviceCooperativeMatrixPropertiesNV"
                     : "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  if (!function) return 0;
  uint32_t count = capacity < MOST ? capacity : MOST;
  if (isNV) {
    VkCooperativeMatrixPropertiesNV found[MOST];
    memset(found, 0, sizeof found);
    for (uint32_t i = 0; i < MOST; i++)
      found[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_NV;
    if (((QueryNV)function)(device, &count, found) < 0) return 0;
    for (uint32_t i = 0; i < count; i++)
      shapes[i] = (VkxlMatrixShape){
          found[i].MSize, found[i].NSize, found[i].KSize, (uint32_t)found[i].AType,
          (uint32_t)found[i].BType, (uint32_t)found[i].CType, (uint32_t)found[i].DType,
          (uint32_t)found[i].scope};
  } else {
    Properties found[MOST];
    memset(found, 0, sizeof found);
    for (uint32_t i = 0; i < MOST; i++) found[i].sType = (VkStructureType)1000506001;
    if (((Query)function)(device, &count, found) < 0) return 0;
    for (uint32_t i = 0; i < count; i++)
      shapes[i] = (VkxlMatrixShape){found[i].m, found[i].n, found[i].k,      found[i].a,
                                    found[i].b, found[i].c, found[i].result, found[i].scope};
  }
  return count;
}
