import Graph

/// An operation with a Vulkan kernel. Each conformance stands in `Shaders/Kernels`, in the file
/// named after the operation.
public protocol VulkanOperation: Operation {
  /// Scratch bytes that `launches` uses.
  func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int

  /// The launches that compute the operation, in order; each one that `waits` sees the results of those
  /// before it. They touch nothing but inputs, outputs and workspace, each padded to the planning limits'
  /// alignment: other operations may run at the same time.
  func launches(_ context: LoweringContext) -> [Launch]
}

extension VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int { 0 }
}

/// What the choice of a kernel may depend on.
public struct DeviceTraits: Sendable {
  /// The device's natural subgroup width (8 on a 256-bit lavapipe, 32 or 64 on GPUs).
  public var subgroupSize: Int
  /// A CPU executes the shaders: no shared memory or barriers, much work for each group.
  public var isCPU: Bool
  /// A broadcast with a constant lane is one instruction, not a loop over the lanes.
  public var hasCheapBroadcast: Bool
  /// Bytes of shared memory for a workgroup.
  public var sharedMemoryByteCount: Int
  /// Invocations of a workgroup.
  public var maxGroupInvocations: Int
  /// What workgroups can compute through shared memory, without matrix units and with those there are.
  var blockTiles: [BlockTile] = BlockTile.registerTiles
  /// What workgroups run on, where the driver tells.
  var multiprocessors: Multiprocessors?
  /// Macros of every shader.
  var shaderDefines: [String: String] = [:]
  /// What has been chosen so far.
  public var choices: KernelChoices

  public init(
    subgroupSize: Int, isCPU: Bool, hasCheapBroadcast: Bool, sharedMemoryByteCount: Int,
    maxGroupInvocations: Int = 128, choices: KernelChoices = KernelChoices()
  ) {
    self.subgroupSize = subgroupSize
    self.isCPU = isCPU
    self.hasCheapBroadcast = hasCheapBroadcast
    self.sharedMemoryByteCount = sharedMemoryByteCount
    self.maxGroupInvocations = maxGroupInvocations
    self.choices = choices
  }
}

/// A tensor's type with its address on the device.
public struct Binding: Sendable {
  /// Shape and element type.
  public var type: TensorType
  /// Device address of the first byte.
  public var address: UInt64

  public init(type: TensorType, address: UInt64) {
    self.type = type
    self.address = address
  }
}

/// What an operation knows when it is turned into launches.
public struct LoweringContext: Sendable {
  /// What the operation reads.
  public let inputs: [Binding]
  /// What it writes.
  public let outputs: [Binding]
  /// Address of the scratch memory asked for; 0 when none was.
  public let workspace: UInt64
  /// What is known of the device.
  public let device: DeviceTraits

  /// Where only the shaders and their number are wanted: nothing has an address.
  init(unbound inputs: [TensorType], _ outputs: [TensorType], device: DeviceTraits) {
    func unbound(_ types: [TensorType]) -> [Binding] { types.map { Binding(type: $0, address: 0) } }
    self.init(inputs: unbound(inputs), outputs: unbound(outputs), workspace: 0, device: device)
  }

  public init(inputs: [Binding], outputs: [Binding], workspace: UInt64, device: DeviceTraits) {
    self.inputs = inputs
    self.outputs = outputs
    self.workspace = workspace
    self.device = device
  }
}

extension DType {
  /// The value of a `STORAGE` macro. Kernels that take codes (4) read them as words, four at once.
  var storageMacro: String {
    switch self {
    case .f32: "0"
    case .f16: "1"
    case .bf16: "2"
    case .i32: "3"
    case .u8: "4"
    }
  }
}
