import Graph

/// How pictures are decoded: whole, or in square pieces that overlap by a quarter at least and fade into
/// each other, which takes less memory.
///
/// The VAE's norms see one piece at a time, so a picture in pieces differs from a whole one, the more
/// the smaller they are.
public struct DecodingPieces: Sendable, Hashable {
  /// Latents along a side of a piece; nil: whole.
  public var side: Int?

  /// - Parameter side: latents along a side of a piece; nil: whole
  public init(side: Int?) { self.side = side }

  /// One piece, whatever the size.
  public static let whole = DecodingPieces(side: nil)

  /// Sides to choose from, largest first.
  static let sides = [96, 64, 48, 32, 24, 16]

  /// Shape of a frame's pieces.
  func piece(of frame: FrameShape) -> FrameShape {
    FrameShape(
      samples: frame.samples, height: min(frame.height, side ?? frame.height),
      width: min(frame.width, side ?? frame.width))
  }

  /// Where pieces begin along an axis: evenly spaced, the first at 0, the last at the end.
  static func starts(size: Int, piece: Int) -> [Int] {
    guard size > piece else { return [0] }
    let overlap = (piece + 3) / 4
    let count = (size - overlap + piece - overlap - 1) / (piece - overlap)
    return (0..<count).map { ($0 * (size - piece) + (count - 1) / 2) / (count - 1) }
  }

  /// What each pixel of a piece counts along an axis: rising over what it shares with the piece before,
  /// falling over what it shares with the next.
  /// - Parameters:
  ///   - starts: of all pieces, in pixels
  ///   - piece: pixels of a piece
  static func weights(starts: [Int], piece: Int) -> [[Float]] {
    starts.indices.map { index in
      let before = index > 0 ? starts[index - 1] + piece - starts[index] : 0
      let after = index + 1 < starts.count ? starts[index] + piece - starts[index + 1] : 0
      return (0..<piece).map { pixel in
        let rise = pixel < before ? (Float(pixel) + 0.5) / Float(before) : 1
        let left = piece - 1 - pixel
        return rise * (left < after ? (Float(left) + 0.5) / Float(after) : 1)
      }
    }
  }

  /// Decodes a frame piece by piece.
  /// - Parameters:
  ///   - latents: [h, w, C]
  ///   - scale: pixels along a side of a latent
  ///   - decode: a piece [p, q, C] to pixels [p scale, q scale, K]
  /// - Returns: [h scale, w scale, K]
  func decode(
    _ latents: [Float], _ frame: FrameShape, scale: Int,
    _ decode: ([Float], FrameShape) throws -> [Float]
  ) rethrows -> [Float] {
    let piece = piece(of: frame)
    if piece == frame { return try decode(latents, frame) }
    precondition(frame.samples == 1, "pictures are decoded in pieces one at a time")
    let rows = Self.starts(size: frame.height, piece: piece.height)
    let columns = Self.starts(size: frame.width, piece: piece.width)
    var blend = Blend(frame: frame, piece: piece, rows: rows, columns: columns, scale: scale)
    let channels = latents.count / frame.area
    for (row, top) in rows.enumerated() {
      for (column, left) in columns.enumerated() {
        let part = (top..<top + piece.height).flatMap { y -> ArraySlice<Float> in
          let start = (y * frame.width + left) * channels
          return latents[start..<start + piece.width * channels]
        }
        blend.add(try decode(part, piece), row: row, column: column)
      }
    }
    return blend.result
  }
}

/// The weighted mean of pieces.
private struct Blend {
  private let frame: FrameShape
  private let piece: FrameShape
  private let scale: Int
  /// First pixels of pieces.
  private let tops: [Int]
  private let lefts: [Int]
  /// Of the pixels of pieces.
  private let rowWeights: [[Float]]
  private let columnWeights: [[Float]]
  private var sums: [Float] = []
  private var totals: [Float]

  init(frame: FrameShape, piece: FrameShape, rows: [Int], columns: [Int], scale: Int) {
    self.frame = frame
    self.piece = piece
    self.scale = scale
    tops = rows.map { $0 * scale }
    lefts = columns.map { $0 * scale }
    rowWeights = DecodingPieces.weights(starts: tops, piece: piece.height * scale)
    columnWeights = DecodingPieces.weights(starts: lefts, piece: piece.width * scale)
    totals = [Float](repeating: 0, count: frame.area * scale * scale)
  }

  mutating func add(_ pixels: [Float], row: Int, column: Int) {
    let (height, width) = (piece.height * scale, piece.width * scale)
    let channels = pixels.count / (height * width)
    if sums.isEmpty { sums = [Float](repeating: 0, count: totals.count * channels) }
    for y in 0..<height {
      for x in 0..<width {
        let weight = rowWeights[row][y] * columnWeights[column][x]
        let target = (tops[row] + y) * frame.width * scale + lefts[column] + x
        totals[target] += weight
        for channel in 0..<channels {
          sums[target * channels + channel] += weight * pixels[(y * width + x) * channels + channel]
        }
      }
    }
  }

  var result: [Float] {
    let channels = sums.count / max(totals.count, 1)
    return sums.indices.map { sums[$0] / totals[$0 / channels] }
  }
}
