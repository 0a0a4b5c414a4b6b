import Graph
import VKRuntime

extension KernelStatistics {
  /// All kernels but those in blocks: norms, elementwise operations, losses, updates, and what needs no block
  /// (`register`), as the checked cases are lowered on a GPU; of storage in f16 where they know any.
  static func caseEntries(for limits: DeviceLimits) -> [Entry] {
    let device = DeviceTraits(
      subgroupSize: limits.computeSubgroupSize, isCPU: false, hasCheapBroadcast: true,
      sharedMemoryByteCount: limits.sharedMemoryByteCount,
      maxGroupInvocations: limits.maxGroupInvocations)
    var seen: Set<ShaderVariant> = []
    let launches = OperationCase.kernelCases.flatMap { given -> [Launch] in
      guard let operation = given.operation as? any VulkanOperation,
        let outputs = try? operation.outputTypes(given.inputs)
      else { return [] }
      return given.variants(on: device).flatMap { variant -> [Launch] in
        guard variant.choice.map({ $0.code == .register }) ?? true else { return [] }
        return operation.launches(
          LoweringContext(unbound: given.inputs, outputs, device: variant.traits(device)))
      }
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
