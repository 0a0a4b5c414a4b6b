/// Where the part that is cut from the resized picture lies.
public enum CropPolicy: String, Sendable, Codable, CaseIterable {
  /// In the middle.
  case center
  /// Anywhere, drawn once for each repetition of a sample and the same in every epoch, so that its
  /// latents are cached once.
  case random
}

/// How a picture becomes a bucket's: resized to cover it, cropped to it, perhaps mirrored.
public struct Placement: Hashable, Sendable {
  /// The picture's own size, upright.
  public let originalWidth: Int, originalHeight: Int
  /// Its size after resizing: one side is the bucket's, the other at least the bucket's.
  public let resizedWidth: Int, resizedHeight: Int
  /// Corner of the crop in the resized picture, before mirroring.
  public let cropTop: Int, cropLeft: Int
  /// The size that remains.
  public let bucket: Bucket
  /// Whether the crop is then mirrored left to right.
  public let isFlipped: Bool

  /// - Parameters:
  ///   - originalWidth, originalHeight: the picture's size, upright; above 0.
  ///   - bucket: the size it is to have.
  ///   - offset: which crop, given the numbers of free pixels down and across: each result is in
  ///     0...free. The default is the middle.
  ///   - isFlipped: whether to mirror it.
  public init(
    originalWidth: Int, originalHeight: Int, bucket: Bucket, isFlipped: Bool = false,
    offset: (_ freeDown: Int, _ freeAcross: Int) -> (top: Int, left: Int) = { ($0 / 2, $1 / 2) }
  ) {
    self.originalWidth = originalWidth
    self.originalHeight = originalHeight
    self.bucket = bucket
    self.isFlipped = isFlipped
    // Scale max(W / w, H / h), compared as integers so that the covered side is exactly the bucket's.
    if bucket.width * originalHeight >= bucket.height * originalWidth {
      let scaled = (originalHeight * bucket.width + originalWidth / 2) / originalWidth
      resizedWidth = bucket.width
      resizedHeight = max(bucket.height, scaled)
    } else {
      let scaled = (originalWidth * bucket.height + originalHeight / 2) / originalHeight
      resizedWidth = max(bucket.width, scaled)
      resizedHeight = bucket.height
    }
    let free = (down: resizedHeight - bucket.height, across: resizedWidth - bucket.width)
    let corner = offset(free.down, free.across)
    cropTop = min(max(0, corner.top), free.down)
    cropLeft = min(max(0, corner.left), free.across)
  }

  /// SDXL's micro-conditioning: (original height, original width, crop top, crop left, target height,
  /// target width), heights first. Mirroring makes crop left the free pixels on the other side.
  ///
  /// - Source: Podell et al. 2307.01952, section 2.2.
  public var timeIDs: [Float] {
    let left = isFlipped ? resizedWidth - bucket.width - cropLeft : cropLeft
    return [originalHeight, originalWidth, cropTop, left, bucket.height, bucket.width].map {
      Float($0)
    }
  }
}

extension Image {
  /// The picture that `placement` describes, of its bucket's size.
  ///
  /// - Precondition: this picture has the placement's original size.
  public func placed(_ placement: Placement) -> Image {
    precondition(width == placement.originalWidth && height == placement.originalHeight)
    let part = resized(
      width: placement.resizedWidth, height: placement.resizedHeight,
      columns: placement.cropLeft..<(placement.cropLeft + placement.bucket.width),
      rows: placement.cropTop..<(placement.cropTop + placement.bucket.height))
    return placement.isFlipped ? part.flipped() : part
  }
}
