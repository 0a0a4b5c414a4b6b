import Graph
import Train
import VKRuntime

extension Precision {
  /// How the UNet is stored on a device. `auto` is bf16 on devices with matrix units for it, f16 on other
  /// GPUs, and f32 on CPUs, which compute in f32 anyway, and where 16 bits cannot be stored.
  ///
  /// - Parameter place: where the precision was asked for
  /// - Throws: `InputError` when the device cannot store 16 bits
  func storage(on device: DeviceInformation, place: String) throws -> UNetStorage {
    let operands = Set(device.kind == .cpu ? [] : device.limits.matrixShapes.map(\.operands))
    let canStoreHalf = device.features.contains(.storageBuffer16BitAccess)
    switch self {
    case .f32: return .f32
    case .f16, .bf16:
      guard canStoreHalf else {
        throw InputError(
          place, expected: "f32 or auto on \(device.name), which has no 16-bit storage",
          found: rawValue,
          hint: "the Vulkan feature storageBuffer16BitAccess is missing; a newer driver may have it"
        )
      }
      if self == .f16 { return UNetStorage(.f16) }
      let multipliesInHalf = operands.contains(.f16) && !operands.contains(.bf16)
      return UNetStorage(.bf16, multipliesInHalf: multipliesInHalf)
    case .auto:
      if !canStoreHalf || device.kind == .cpu { return .f32 }
      return UNetStorage(operands.contains(.bf16) ? .bf16 : .f16)
    }
  }
}
