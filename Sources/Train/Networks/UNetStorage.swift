import Graph
import Model

/// How the UNet is stored while it runs or is trained; arithmetic and every sum are f32 whatever it is.
///
/// Vectors (biases, norms), statistics, the loss and what time and sizes become are f32 always.
public struct UNetStorage: Hashable, Sendable {
  /// Matrices and convolutions, and their gradients.
  public var weights: DType
  /// Activations and their gradients.
  public var activations: DType
  /// Whether bf16 is multiplied as f16, by the matrix units of a device that has none for bf16.
  public var multipliesInHalf: Bool

  public init(weights: DType, activations: DType, multipliesInHalf: Bool = false) {
    self.weights = weights
    self.activations = activations
    self.multipliesInHalf = multipliesInHalf
  }

  /// Weights and activations alike.
  public init(_ dtype: DType, multipliesInHalf: Bool = false) {
    self.init(weights: dtype, activations: dtype, multipliesInHalf: multipliesInHalf)
  }

  /// 4 bytes for everything.
  public static let f32 = UNetStorage(.f32)

  /// Whether gradients are computed times a scale: f16 ends at 6e-8, where most of a large picture's
  /// are smaller.
  public var scalesLoss: Bool { weights == .f16 || activations == .f16 || multipliesInHalf }
}

/// A UNet and how it is stored.
public struct StoredUNet: Hashable, Sendable {
  /// Widths and depths.
  public var configuration: UNetConfiguration
  public var storage: UNetStorage

  public init(_ configuration: UNetConfiguration, _ storage: UNetStorage) {
    self.configuration = configuration
    self.storage = storage
  }
}

extension UNetConfiguration {
  /// This UNet, stored so.
  public func stored(_ storage: UNetStorage) -> StoredUNet { StoredUNet(self, storage) }
}
