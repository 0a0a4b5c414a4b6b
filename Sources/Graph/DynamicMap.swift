/// Tables of 8-bit dynamic quantisation: 256 sorted values in [-1, 1], denser towards 0.
///
/// Decade i = 0...6 holds the midpoints of 2^i (signed; unsigned 2^(i+1)) equal parts of [0.1, 1], times
/// 10^(i-6), signed with both signs; 0 and 1 complete them.
/// - Source: Dettmers, arXiv 1511.04561 and 2110.02861; `create_dynamic_map` of bitsandbytes.
public enum DynamicMap {
  /// Elements that share a scale, their largest magnitude.
  public static let blockSize = 256

  /// For first moments.
  public static let signed = values(isSigned: true)
  /// For second moments.
  public static let unsigned = values(isSigned: false)

  private static func values(isSigned: Bool) -> [Float] {
    var values: [Float] = [0, 1]
    var scale = 1e-6
    for decade in 0..<7 {
      let parts = 1 << (isSigned ? decade : decade + 1)
      for part in 0..<parts {
        let value = Float(scale * (0.1 + 0.9 * (Double(part) + 0.5) / Double(parts)))
        values += isSigned ? [value, -value] : [value]
      }
      scale *= 10
    }
    return values.sorted()
  }

  /// The code whose value is nearest; the lower of two that are equally near.
  public static func nearestCode(_ x: Double, in map: [Float]) -> Int {
    var low = 0
    for step in [128, 64, 32, 16, 8, 4, 2, 1] where Double(map[low + step]) <= x { low += step }
    if low == 255 { return low }
    let middle = (Double(map[low]) + Double(map[low + 1])) / 2
    return x > middle ? low + 1 : low
  }
}
