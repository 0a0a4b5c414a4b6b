import Graph
import Synchronization
import VKRuntime

/// Runs plans on a Vulkan device: lowers operations to launches of embedded GLSL kernels.
public final class VulkanBackend: Backend, Sendable {
  /// The device it runs on.
  public let device: Device
  /// What kernels are chosen by.
  public let traits: DeviceTraits
  public let planningLimits: PlanningLimits
  /// Bytes of a store's staging ring at most.
  private let stagingLimit: Int
  private let compiler: ShaderCompiler
  private let pipelines = Mutex<[PipelineKey: Pipeline]>([:])

  /// One pipeline per variant; a kernel always has parameters of one size.
  private struct PipelineKey: Hashable {
    let shader: ShaderVariant
    let parameterByteCount: Int
  }

  /// Arenas of 1 GiB where the device allows it: large enough for any tensor of SDXL's UNet, small
  /// enough for drivers that limit one allocation to 2 GiB.
  ///
  /// - Parameter stagingByteCount: the most that one store may use to write and read variables that
  ///   the host cannot reach.
  public init(_ device: Device, stagingByteCount: Int = usualStagingByteCount) {
    self.device = device
    stagingLimit = stagingByteCount
    traits = DeviceTraits(device)
    compiler = ShaderCompiler(
      matrixExtension: device.matrixExtension, commonDefines: traits.shaderDefines,
      cacheFolder: device.cacheFolder)
    let limits = device.limits
    planningLimits = PlanningLimits(
      arenaByteCount: Int(min(limits.maxArenaByteCount, UInt64(Self.usualArenaByteCount))))
  }

  /// Bytes of an arena where the device allows it.
  public static let usualArenaByteCount = 1 << 30
  /// Bytes of a store's staging ring, unless said otherwise.
  public static let usualStagingByteCount = 32 << 20

  public var description: String {
    "\(device.information.name), \(device.information.driverName) "
      + device.information.driverInfo
  }

  public func workspaceByteCount(
    _ operation: any Operation, inputs: [TensorType], outputs: [TensorType]
  ) -> Int {
    kernel(operation).workspaceByteCount(inputs: inputs, outputs: outputs, device: traits)
  }

  public func stagingByteCount(_ variables: [Variable]) -> Int {
    if device.mapsDeviceArenas { return 0 }
    let byteCount = variables.reduce(0) { $0 + planningLimits.rounded($1.type.byteCount) }
    return StagingRing.byteCount(variables: byteCount, limit: stagingLimit)
  }

  public func stepBlockByteCount(_ demand: StoreDemand) -> Int { StepBlocks.byteCount(demand) }

  public func makeStore(_ variables: [Variable], runsInFlight: Int) throws -> any Store {
    try VulkanStore(self, variables, runsInFlight: runsInFlight)
  }

  /// The operation as something with a Vulkan kernel.
  func kernel(_ operation: any Operation) -> any VulkanOperation {
    guard let kernel = operation as? any VulkanOperation else {
      preconditionFailure("\(operation.name) has no Vulkan kernel")
    }
    return kernel
  }

  /// Pipelines for launches, in their order; each variant is compiled once, in parallel.
  ///
  /// - Parameter keeps: whether they stay for later calls; not for candidates that are only measured
  func pipelines(for launches: [Launch], keeps: Bool = true) throws -> [Pipeline] {
    let keys = launches.map {
      PipelineKey(shader: $0.shader, parameterByteCount: $0.parameters.count)
    }
    var known = pipelines.withLock { $0 }
    let missing = Array(Set(keys.filter { known[$0] == nil }))
    if !missing.isEmpty {
      let binaries = try compiler.compile(
        missing.map { (path: $0.shader.path, defines: $0.shader.defines) })
      let made = try device.makePipelines(
        zip(missing, binaries).map { key, binary in
          PipelineDescription(
            name: key.shader.path, spirv: binary, specialization: key.shader.constants,
            parameterByteCount: key.parameterByteCount, subgroupSize: key.shader.subgroupSize,
            requiresFullSubgroups: key.shader.requiresFullSubgroups)
        })
      for (key, pipeline) in zip(missing, made) { known[key] = pipeline }
      if keeps { pipelines.withLock { [known] in $0.merge(known) { old, _ in old } } }
    }
    return keys.compactMap { known[$0] }
  }
}
