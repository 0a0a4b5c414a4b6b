import CVulkan
import Dispatch
import Synchronization

/// What a compute pipeline is made of.
public struct PipelineDescription: Sendable {
  /// Appears in errors, debuggers and statistics.
  public var name: String
  /// SPIR-V of a compute shader with the entry point `main`.
  public var spirv: [UInt32]
  /// Values by `constant_id`, as the bits of their 32-bit type.
  public var specialization: [UInt32: UInt32]
  /// Bytes of the launch parameters (push constants), a multiple of 4.
  public var parameterByteCount: Int
  /// Lanes of a subgroup that the kernel was written for; nil takes the device's own.
  public var subgroupSize: Int?
  /// Whether every subgroup must be full, for kernels that count on `gl_SubgroupSize` lanes.
  public var requiresFullSubgroups: Bool
  /// Whether `Pipeline.statistics` is asked for; some drivers then skip their cache.
  public var capturesStatistics: Bool

  public init(
    name: String, spirv: [UInt32], specialization: [UInt32: UInt32] = [:],
    parameterByteCount: Int, subgroupSize: Int? = nil, requiresFullSubgroups: Bool = false,
    capturesStatistics: Bool = false
  ) {
    self.name = name
    self.spirv = spirv
    self.specialization = specialization
    self.parameterByteCount = parameterByteCount
    self.subgroupSize = subgroupSize
    self.requiresFullSubgroups = requiresFullSubgroups
    self.capturesStatistics = capturesStatistics
  }
}

/// A compiled kernel with its specialisation, ready to dispatch.
public final class Pipeline: Sendable {
  /// What errors call it.
  public let name: String
  /// Bytes of launch parameters that every dispatch passes.
  public let parameterByteCount: Int

  nonisolated(unsafe) let handle: VkPipeline
  nonisolated(unsafe) let layout: VkPipelineLayout
  let capturesStatistics: Bool
  let device: Device

  fileprivate init(_ device: Device, _ description: PipelineDescription) throws {
    let name = description.name
    try device.requireSupport(for: description)
    layout = try device.pipelineLayout(parameterByteCount: description.parameterByteCount)
    let shader = try ShaderModule(device, description.spirv, name: name)
    capturesStatistics =
      description.capturesStatistics
      && device.enabledExtensions.contains("VK_KHR_pipeline_executable_properties")
    handle = try Self.makeHandle(
      device, description, shader, layout, capturesStatistics: capturesStatistics)
    self.device = device
    self.name = name
    parameterByteCount = description.parameterByteCount
    device.setName(name, of: handle, type: VK_OBJECT_TYPE_PIPELINE)
  }

  deinit { vkDestroyPipeline(device.handle, handle, nil) }

  private static func makeHandle(
    _ device: Device, _ description: PipelineDescription, _ shader: ShaderModule,
    _ layout: VkPipelineLayout, capturesStatistics: Bool
  ) throws -> VkPipeline {
    let constants = description.specialization.sorted { $0.key < $1.key }
    let entries = constants.indices.map {
      VkSpecializationMapEntry(
        constantID: constants[$0].key, offset: UInt32($0 * 4), size: 4)
    }
    let values = constants.map(\.value)
    let chain = StructureChain()
    if let size = description.subgroupSize, device.limits.allowsRequiredSubgroupSize {
      var required = VkPipelineShaderStageRequiredSubgroupSizeCreateInfo()
      required.sType =
        VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO
      required.requiredSubgroupSize = UInt32(size)
      chain.append(required)
    }
    var handle: VkPipeline?
    let result = entries.withUnsafeBufferPointer { entries in
      values.withUnsafeBytes { values in
        "main".withCString { entryPoint in
          var specialization = VkSpecializationInfo(
            mapEntryCount: UInt32(entries.count), pMapEntries: entries.baseAddress,
            dataSize: values.count, pData: values.baseAddress)
          return withUnsafePointer(to: &specialization) { specialization in
            var info = VkComputePipelineCreateInfo()
            info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO
            info.layout = layout
            if capturesStatistics {
              info.flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR.rawValue
            }
            info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO
            info.stage.pNext = UnsafeRawPointer(chain.head)
            info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT
            info.stage.module = shader.handle
            info.stage.pName = entryPoint
            info.stage.pSpecializationInfo = specialization
            if description.requiresFullSubgroups {
              info.stage.flags =
                VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT.rawValue
            }
            return withExtendedLifetime((chain, shader)) {
              vkCreateComputePipelines(
                device.handle, device.pipelineCache.handle, 1, &info, nil, &handle)
            }
          }
        }
      }
    }
    try check(result, "vkCreateComputePipelines", object: description.name)
    return try created(handle, "vkCreateComputePipelines", object: description.name)
  }
}

/// SPIR-V handed to the driver, needed only while pipelines are made.
private final class ShaderModule {
  let handle: VkShaderModule
  private let device: Device

  init(_ device: Device, _ spirv: [UInt32], name: String) throws {
    var handle: VkShaderModule?
    let result = spirv.withUnsafeBufferPointer { words in
      var info = VkShaderModuleCreateInfo()
      info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO
      info.codeSize = words.count * 4
      info.pCode = words.baseAddress
      return vkCreateShaderModule(device.handle, &info, nil, &handle)
    }
    try check(result, "vkCreateShaderModule", object: name)
    self.handle = try created(handle, "vkCreateShaderModule", object: name)
    self.device = device
  }

  deinit { vkDestroyShaderModule(device.handle, handle, nil) }
}

/// Pipeline layouts by byte count of launch parameters: no descriptor sets, so that is all.
struct PipelineLayouts {
  private var byParameterByteCount: [Int: Handle] = [:]

  private struct Handle: @unchecked Sendable {  // a constant pointer
    let layout: VkPipelineLayout
  }

  mutating func layout(
    parameterByteCount: Int, on device: VkDevice
  ) throws -> VkPipelineLayout {
    if let known = byParameterByteCount[parameterByteCount] { return known.layout }
    var range = VkPushConstantRange(
      stageFlags: VK_SHADER_STAGE_COMPUTE_BIT.rawValue, offset: 0,
      size: UInt32(parameterByteCount))
    var layout: VkPipelineLayout?
    let result = withUnsafePointer(to: &range) { range in
      var info = VkPipelineLayoutCreateInfo()
      info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO
      info.pushConstantRangeCount = parameterByteCount > 0 ? 1 : 0
      info.pPushConstantRanges = range
      return vkCreatePipelineLayout(device, &info, nil, &layout)
    }
    let object = "pipeline layout of \(parameterByteCount) bytes"
    try check(result, "vkCreatePipelineLayout", object: object)
    let handle = try created(layout, "vkCreatePipelineLayout", object: object)
    byParameterByteCount[parameterByteCount] = Handle(layout: handle)
    return handle
  }

  mutating func destroy(on device: VkDevice) {
    for handle in byParameterByteCount.values {
      vkDestroyPipelineLayout(device, handle.layout, nil)
    }
    byParameterByteCount = [:]
  }
}

extension Device {
  /// Compiles one pipeline. See `makePipelines` for many.
  public func makePipeline(_ description: PipelineDescription) throws -> Pipeline {
    try Pipeline(self, description)
  }

  /// Compiles pipelines in parallel, in the order given, and saves the driver's cache.
  ///
  /// - Throws: the first failure in that order; nothing is kept then.
  public func makePipelines(_ descriptions: [PipelineDescription]) throws -> [Pipeline] {
    let results = Mutex<[Int: Result<Pipeline, any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: descriptions.count) { index in
      let result = Result { try Pipeline(self, descriptions[index]) }
      results.withLock { $0[index] = result }
    }
    let made = results.withLock { $0 }
    let pipelines = try descriptions.indices.compactMap { try made[$0]?.get() }
    if !pipelines.isEmpty { try savePipelineCache() }
    return pipelines
  }

  func pipelineLayout(parameterByteCount: Int) throws -> VkPipelineLayout {
    try layouts.withLock {
      let layout = try $0.layout(parameterByteCount: parameterByteCount, on: handle)
      nonisolated(unsafe) let constant = layout
      return constant
    }
  }

  fileprivate func requireSupport(for description: PipelineDescription) throws {
    let byteCount = description.parameterByteCount
    precondition(byteCount % 4 == 0, "\(description.name): parameters of \(byteCount) bytes")
    func missing(_ detail: String) -> VulkanError {
      VulkanError(
        .unsupported, call: "vkCreateComputePipelines", object: description.name,
        detail: detail)
    }
    if byteCount > limits.maxPushConstantByteCount {
      throw missing(
        "it takes \(byteCount) bytes of parameters; \(information.name) allows "
          + "\(limits.maxPushConstantByteCount)")
    }
    if let size = description.subgroupSize, !limits.subgroupSizes.contains(size) {
      let sizes = limits.subgroupSizes
      throw missing(
        "it needs subgroups of \(size); \(information.name) has "
          + "\(sizes.lowerBound) to \(sizes.upperBound)")
    }
    if let size = description.subgroupSize, !limits.allowsRequiredSubgroupSize,
      size != limits.subgroupSize || limits.subgroupSizes.count > 1
    {
      throw missing("\(information.name) does not let a kernel choose its subgroup size")
    }
    if description.requiresFullSubgroups, !features.contains(.computeFullSubgroups) {
      throw missing("it needs computeFullSubgroups, which \(information.name) lacks")
    }
  }
}
