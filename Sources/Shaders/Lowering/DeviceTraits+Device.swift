import VKRuntime

extension DeviceTraits {
  /// What the choice of kernels goes by, of a device.
  init(_ device: Device) {
    let (limits, information) = (device.limits, device.information)
    self.init(
      subgroupSize: limits.subgroupSize, isCPU: information.kind == .cpu,
      hasCheapBroadcast: Self.hasCheapBroadcast(information),
      sharedMemoryByteCount: limits.sharedMemoryByteCount,
      maxGroupInvocations: limits.maxGroupInvocations)
    multiprocessors = limits.multiprocessorCount.map { Multiprocessors(count: $0) }
    // Not NVK, which has the vendor's number too.
    if information.driverName == "NVIDIA" { shaderDefines["ROUNDS_HALF"] = "1" }
    guard device.matrixExtension != nil else { return }
    for operands in [MatrixElement.f16, .bf16] {
      let shapes = limits.matrixShapes.filter { $0.operands == operands && $0.sums == .f32 }
      // The largest shape that blocks can be made of.
      let largest = shapes.filter { $0.m <= 16 }.max { $0.m * $0.n * $0.k < $1.m * $1.n * $1.k }
      guard let largest else { continue }
      blockTiles += BlockTile.matrixTiles(
        largest, subgroupSize: limits.computeSubgroupSize,
        isAlongK: information.vendorID == Self.amd)
    }
  }

  private static let amd: UInt32 = 0x1002

  /// llvmpipe up to Mesa 22 runs a broadcast as a loop over the lanes.
  private static func hasCheapBroadcast(_ information: DeviceInformation) -> Bool {
    guard information.kind == .cpu, let mesa = information.driverInfo.range(of: "Mesa ") else {
      return information.kind != .cpu
    }
    let version = information.driverInfo[mesa.upperBound...].prefix { $0.isNumber }
    return (Int(version) ?? 0) >= 23
  }
}
