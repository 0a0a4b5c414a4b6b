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
      return UNetStorage(self == .f16 ? .f16 : .bf16)
    case .auto:
      if !canStoreHalf || device.kind == .cpu { return .f32 }
      let hasBrainUnits = device.limits.matrixShapes.contains { $0.operands == .bf16 }
      return UNetStorage(hasBrainUnits ? .bf16 : .f16)
    }
  }
}
