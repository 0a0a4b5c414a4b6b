import CVulkan

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The driver's cache of compiled pipelines, kept on disk between runs.
///
/// The file is named after vendor, device and the driver's cache UUID. A damaged file, or one of
/// another device or driver build, is ignored: some drivers crash on foreign data.
final class PipelineCache: Sendable {
  // Vulkan synchronises pipeline caches inside.
  nonisolated(unsafe) let handle: VkPipelineCache
  private let folder: CacheFolder?
  /// The file's name in the folder.
  let fileName: String

  init(_ device: VkDevice, _ information: DeviceInformation, folder: CacheFolder?) throws {
    self.folder = folder
    fileName = Self.fileName(for: information)
    let stored = folder?.read(fileName) ?? []
    let data = Self.isUsable(stored, by: information) ? stored : []
    var handle: VkPipelineCache?
    let result = data.withUnsafeBytes { bytes in
      var info = VkPipelineCacheCreateInfo()
      info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO
      info.initialDataSize = bytes.count
      info.pInitialData = bytes.baseAddress
      return vkCreatePipelineCache(device, &info, nil, &handle)
    }
    try check(result, "vkCreatePipelineCache", object: "pipeline cache")
    self.handle = try created(handle, "vkCreatePipelineCache", object: "pipeline cache")
  }

  func destroy(on device: VkDevice) {
    vkDestroyPipelineCache(device, handle, nil)
  }

  /// Writes what the driver has to the folder.
  func save(_ device: VkDevice) throws {
    guard let folder else { return }
    var byteCount = 0
    try check(
      vkGetPipelineCacheData(device, handle, &byteCount, nil), "vkGetPipelineCacheData",
      object: "pipeline cache")
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let result = vkGetPipelineCacheData(device, handle, &byteCount, &bytes)
    // Another thread may have added a pipeline in between; the next save has it.
    if result == VK_INCOMPLETE { return }
    try check(result, "vkGetPipelineCacheData", object: "pipeline cache")
    folder.write(Array(bytes.prefix(byteCount)), as: fileName)
  }

  static func fileName(for information: DeviceInformation) -> String {
    let vendor = String(information.vendorID, radix: 16)
    let device = String(information.deviceID, radix: 16)
    return "pipelines-\(vendor)-\(device)-\(information.driverUUID)"
      + "-\(information.pipelineCacheUUID).bin"
  }

  /// Whether the header every driver writes (32 bytes: size, version, vendor, device, UUID) is this
  /// device's.
  static func isUsable(_ data: [UInt8], by information: DeviceInformation) -> Bool {
    guard data.count >= 32 else { return false }
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(data[offset + $1]) << (8 * UInt32($1)) }
    }
    return word(0) >= 32 && word(4) == VK_PIPELINE_CACHE_HEADER_VERSION_ONE.rawValue
      && word(8) == information.vendorID && word(12) == information.deviceID
      && hexadecimal(Array(data[16..<32])) == information.pipelineCacheUUID
  }
}

extension Device {
  /// Writes the driver's compiled pipelines to the cache folder; `makePipelines` does so itself.
  public func savePipelineCache() throws {
    try pipelineCache.save(handle)
  }
}
