import Graph
import VKRuntime

extension KernelStatistics {
  /// All kernels but those in blocks: norms, elementwise operations, losses, updates, and what needs no block
  /// (`register`), as the checked cases are lowered on a GPU; of storage in f16 where they know any.
  static func caseEntries(for limits: DeviceLimits) throws -> [Entry] {
    let device = DeviceTraits(
      subgroupSize: limits.computeSubgroupSize, isCPU: false, hasCheapBroadcast: true,
      sharedMemoryByteCount: limits.sharedMemoryByteCount,
      maxGroupInvocations: limits.maxGroupInvocations)
    var seen: Set<ShaderVariant> = []
    let launches = try OperationCase.kernelCases.flatMap { given in
      try given.unboundLaunches(on: device) { $0.choice.map { $0.code == .register } ?? true }
    }
    return launches.compactMap { launch -> Entry? in
      let storage = launch.shader.defines.filter { $0.key.hasPrefix("STORAGE_") }.map(\.value)
      guard
        storage.isEmpty
          || storage.contains(DType.f16.storageMacro) && !storage.contains(DType.bf16.storageMacro),
        seen.insert(launch.shader).inserted
      else { return nil }
      return Entry(name: name(launch.shader), shader: launch.shader)
    }
  }

  /// For example `adamw: G f32, P f16, PAIRS, S0 f32, S1 f32`.
  private static func name(_ shader: ShaderVariant) -> String {
    let file = shader.path.split(separator: "/").last.map(String.init) ?? shader.path
    let title = file.replacing(".comp", with: "").replacing("_", with: " ")
    let traits = shader.defines.sorted { $0.key < $1.key }.map { key, value -> String in
      guard key.hasPrefix("STORAGE_") else { return value == "1" ? key : "\(key) \(value)" }
      let dtype = DType.storage.first { $0.storageMacro == value }
      return "\(key.dropFirst("STORAGE_".count)) \(dtype?.rawValue ?? value)"
    }
    return ([title] + (traits.isEmpty ? [] : [traits.joined(separator: ", ")]))
      .joined(separator: ": ")
  }
}
