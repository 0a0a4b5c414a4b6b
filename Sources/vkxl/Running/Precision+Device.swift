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
    case .auto where !canStoreHalf || device.kind == .cpu: return .f32
    case .f16, .bf16, .auto:
      guard canStoreHalf else {
        throw InputError(
          place, expected: "f32 or auto on \(device.name), which has no 16-bit storage",
          found: rawValue,
          hint: "the Vulkan feature storageBuffer16BitAccess is missing; a newer driver may have it"
        )
      }
      return storage(multiplying: operands)
    }
  }

  /// How the UNet is stored on a GPU that stores 16 bits.
  /// - Parameter operands: what its matrix units multiply; none: it has no such units
  func storage(multiplying operands: Set<MatrixElement>) -> UNetStorage {
    switch self {
    case .f32: .f32
    case .f16: UNetStorage(.f16)
    case .bf16:
      UNetStorage(
        .bf16, multipliesInHalf: operands.contains(.f16) && !operands.contains(.bf16))
    case .auto: UNetStorage(operands.contains(.bf16) ? .bf16 : .f16)
    }
  }
}
