/// The sizes of a convolution and how its window moves; shared by the convolution, its gradients
/// and their kernels.
public struct ConvolutionWindow: Hashable, Sendable {
  /// Samples, height, width and channels of x.
  public let n: Int
  public let h: Int
  public let w: Int
  public let i: Int
  /// Output channels and the kernel's size.
  public let o: Int
  public let kh: Int
  public let kw: Int
  public let stride: Int
  public let padding: Convolution2D.Padding

  /// - Precondition: both shapes have rank 4.
  /// - Throws: `ShapeError` when the window does not fit into the padded image.
  init(
    x: [Int], weight: [Int], stride: Int, padding: Convolution2D.Padding
  ) throws(ShapeError) {
    self.init(checked: x, weight: weight, stride: stride, padding: padding)
    try requireShape(stride >= 1, "the stride is \(stride)")
    try requireShape(
      min(padding.top, padding.left, padding.bottom, padding.right) >= 0, "negative padding")
    try requireShape(
      h + padding.top + padding.bottom >= kh && w + padding.left + padding.right >= kw,
      "a \(kh) x \(kw) window does not fit into \(h) x \(w) with padding")
  }

  init(checked x: [Int], weight: [Int], stride: Int, padding: Convolution2D.Padding) {
    (n, h, w, i) = (x[0], x[1], x[2], x[3])
    (o, kh, kw) = (weight[0], weight[1], weight[2])
    self.stride = stride
    self.padding = padding
  }

  /// Height of y.
  public var ho: Int { (h + padding.top + padding.bottom - kh) / stride + 1 }
  /// Width of y.
  public var wo: Int { (w + padding.left + padding.right - kw) / stride + 1 }
  /// Pixels of one sample of y.
  public var pixels: Int { ho * wo }
  /// Products summed for an element of y.
  public var depth: Int { kh * kw * i }
  public var outputShape: [Int] { [n, ho, wo, o] }
  public var flopCount: Int { 2 * n * pixels * o * depth }

  /// What one sample's windows see, [pixels, kh kw I], zero outside the image.
  func unfolded(_ x: [Double], sample: Int) -> [Double] {
    var columns = [Double](repeating: 0, count: pixels * depth)
    columns.withUnsafeMutableBufferPointer { columns in
      x.withUnsafeBufferPointer { x in
        forEachTap(sample: sample) { image, column in
          for channel in 0..<i { columns[column + channel] = x[image + channel] }
        }
      }
    }
    return columns
  }

  /// The transpose of `unfolded`: adds each window's values back to the pixels it saw.
  func fold(_ columns: [Double], sample: Int, into x: inout [Double]) {
    columns.withUnsafeBufferPointer { columns in
      x.withUnsafeMutableBufferPointer { x in
        forEachTap(sample: sample) { image, column in
          for channel in 0..<i { x[image + channel] += columns[column + channel] }
        }
      }
    }
  }

  /// Calls with the offsets, in x and in the unfolded matrix, of every pixel a window sees.
  private func forEachTap(sample: Int, _ body: (_ image: Int, _ column: Int) -> Void) {
    for y in 0..<ho {
      for r in 0..<kh {
        let row = y * stride + r - padding.top
        guard 0..<h ~= row else { continue }
        for x in 0..<wo {
          for s in 0..<kw {
            let column = x * stride + s - padding.left
            guard 0..<w ~= column else { continue }
            body(((sample * h + row) * w + column) * i, ((y * wo + x) * kh * kw + r * kw + s) * i)
          }
        }
      }
    }
  }
}
