#pragma once
#include <stdio.h>
#include <string.h>
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

// Writes to standard error, which Swift's concurrency checking cannot name.
static inline void vkxl_write_error(const char *text) { fputs(text, stderr); }
