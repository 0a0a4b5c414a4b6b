import Glibc
import Graph

/// A picture size that batches are made of, in pixels.
public struct Bucket: Hashable, Sendable, Codable, CustomStringConvertible {
  /// Pixels.
  public var width: Int
  /// Pixels.
  public var height: Int

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Width over height.
  public var aspectRatio: Double { Double(width) / Double(height) }

  public var description: String { "\(width)x\(height)" }
}

/// The sizes that pictures are resized and cropped to, each with about the same number of pixels,
/// and the choice among them.
public struct AspectBuckets: Equatable, Sendable {
  /// All buckets, from the tallest to the widest.
  public let buckets: [Bucket]

  /// Width over height of SDXL's usual sizes at 1024^2: 1024x1024, 1152x896, 1216x832, 1344x768 and
  /// 1536x640; their transposes are used too.
  public static let sdxlRatios = [1, 9.0 / 7, 19.0 / 13, 7.0 / 4, 12.0 / 5]

  /// SDXL's nine usual sizes.
  public static let sdxl = AspectBuckets(
    sorting: shapes(area: 1024 * 1024, step: 64, ratios: sdxlRatios))

  /// One bucket for each ratio and its transpose: w = floor(sqrt(area r) / step) step,
  /// h = floor(sqrt(area / r) / step) step, so that none has more pixels than `area`.
  ///
  /// - Parameters:
  ///   - area: pixels of a picture, at most.
  ///   - step: what both sides are multiples of; itself a multiple of 8, the VAE's reduction.
  ///   - ratios: width over height.
  /// - Throws: `InputError` if a value is out of range.
  public init(
    area: Int = 1024 * 1024, step: Int = 64, ratios: [Double] = sdxlRatios
  ) throws {
    try Self.check(area: area, step: step)
    for ratio in ratios where !(ratio.isFinite && ratio > 0) {
      throw InputError("aspect ratio", expected: "a number above 0", found: "\(ratio)")
    }
    try self.init(Self.shapes(area: area, step: step, ratios: ratios))
  }

  /// Every width from `minimumSide` to `maximumSide` with the largest height that keeps the area, and
  /// the transposes, as trainers with "bucket_reso_steps" make them.
  ///
  /// - Parameters:
  ///   - area: pixels of a picture, at most.
  ///   - step: what both sides are multiples of; itself a multiple of 8.
  ///   - minimumSide, maximumSide: pixels, ends included.
  ///   - maximumAspectRatio: longer over shorter side, at most.
  /// - Throws: `InputError` if a value is out of range or no size fits.
  public init(
    area: Int, step: Int, minimumSide: Int, maximumSide: Int, maximumAspectRatio: Double = .infinity
  ) throws {
    try Self.check(area: area, step: step)
    guard (1...area).contains(minimumSide), maximumSide >= minimumSide else {
      throw InputError(
        "bucket sides", expected: "1 to \(area), the minimum first",
        found: "\(minimumSide) and \(maximumSide)")
    }
    var found: [Bucket] = []
    let first = max(step, (minimumSide + step - 1) / step * step)
    for width in stride(from: first, through: min(maximumSide, area / first), by: step) {
      let height = min(maximumSide, area / width) / step * step
      let ratio = Double(max(width, height)) / Double(max(1, min(width, height)))
      guard height >= first, ratio <= maximumAspectRatio else { continue }
      found += [Bucket(width: width, height: height), Bucket(width: height, height: width)]
    }
    try self.init(found)
  }

  /// The given sizes; doubles are dropped.
  ///
  /// - Throws: `InputError` if there is none, or a side is not a positive multiple of 8.
  public init(_ buckets: [Bucket]) throws {
    guard !buckets.isEmpty else {
      throw InputError(
        "aspect buckets", expected: "at least one size", found: "none",
        hint: "allow smaller or larger sides, or a smaller step")
    }
    for bucket in buckets {
      guard bucket.width > 0, bucket.height > 0, bucket.width % 8 == 0, bucket.height % 8 == 0
      else {
        throw InputError("aspect bucket", expected: "sides in multiples of 8", found: "\(bucket)")
      }
    }
    self.init(sorting: buckets)
  }

  private init(sorting buckets: [Bucket]) {
    self.buckets = Set(buckets).sorted {
      ($0.aspectRatio, $0.width) < ($1.aspectRatio, $1.width)
    }
  }

  private static func check(area: Int, step: Int) throws {
    guard step > 0, step % 8 == 0 else {
      throw InputError("bucket step", expected: "a positive multiple of 8", found: "\(step)")
    }
    guard area >= step * step else {
      throw InputError(
        "bucket area", expected: "at least \(step * step) pixels, a square of the step",
        found: "\(area)")
    }
  }

  private static func shapes(area: Int, step: Int, ratios: [Double]) -> [Bucket] {
    // The margin keeps an exact multiple from being floored to the one below.
    func side(_ length: Double) -> Int { max(1, Int(length / Double(step) + 1e-9)) * step }
    return ratios.flatMap { ratio in
      let long = side(sqrt(Double(area) * ratio))
      let short = side(sqrt(Double(area) / ratio))
      return [Bucket(width: long, height: short), Bucket(width: short, height: long)]
    }
  }

  /// The bucket whose aspect ratio is nearest: least |log(w / h) - log(W / H)|; of two, the taller.
  public func nearest(width: Int, height: Int) -> Bucket {
    let target = log(Double(width) / Double(height))
    var best = buckets[0]
    for bucket in buckets.dropFirst()
    where abs(log(bucket.aspectRatio) - target) < abs(log(best.aspectRatio) - target) {
      best = bucket
    }
    return best
  }
}
