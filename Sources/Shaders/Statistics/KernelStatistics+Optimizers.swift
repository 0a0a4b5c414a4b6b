import Graph
import VKRuntime

extension KernelStatistics {
  /// The kernels of norms, clipping and updates, of f16 weights where they know any: what the checked
  /// cases are lowered to on a GPU.
  static func optimizerEntries(for limits: DeviceLimits) -> [Entry] {
    let device = DeviceTraits(
      subgroupSize: limits.computeSubgroupSize, isCPU: false, hasCheapBroadcast: true,
      sharedMemoryByteCount: limits.sharedMemoryByteCount,
      maxGroupInvocations: limits.maxGroupInvocations)
    var seen: Set<ShaderVariant> = []
    let launches = OperationCase.optimizerCases.flatMap { given -> [Launch] in
      guard let operation = given.operation as? any VulkanOperation,
        let outputs = try? operation.outputTypes(given.inputs)
      else { return [] }
      return operation.launches(
        LoweringContext(
          unbound: given.inputs, outputs, device: device))
    }
    return launches.compactMap { launch -> Entry? in
      let weight = launch.shader.defines["STORAGE_P"]
      guard weight == nil || weight == DType.f16.storageMacro,
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
