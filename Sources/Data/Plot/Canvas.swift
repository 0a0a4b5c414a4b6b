/// A colour of 8 bits a channel.
public struct Colour: Hashable, Sendable {
  public var red: UInt8
  public var green: UInt8
  public var blue: UInt8

  /// - Parameter hex: 0xRRGGBB
  public init(_ hex: UInt32) {
    red = UInt8(hex >> 16 & 0xff)
    green = UInt8(hex >> 8 & 0xff)
    blue = UInt8(hex & 0xff)
  }

  public static let white = Colour(0xffffff)
  public static let black = Colour(0x1a1a1a)
  public static let grey = Colour(0x707070)
  public static let lightGrey = Colour(0xdcdcdc)

  /// Colours that are told apart by those who see few, too.
  /// - Source: Okabe and Ito, Color Universal Design, 2008 (without its yellow, too pale on white).
  public static let series = [
    Colour(0x0072b2), Colour(0xd55e00), Colour(0x009e73), Colour(0xcc79a7), Colour(0xe69f00),
    Colour(0x56b4e9),
  ]
}

/// A place on a canvas in pixels: x from the left, y from the top.
public struct CanvasPoint: Hashable, Sendable {
  public var x: Double
  public var y: Double

  public init(_ x: Double, _ y: Double) {
    self.x = x
    self.y = y
  }
}

/// What marks a point of a chart.
public enum Marker: Sendable, CaseIterable {
  case circle, square, diamond, triangle

  /// Pixels inside the marker's edge at an offset from its middle, negative outside.
  func depth(_ dx: Double, _ dy: Double, radius: Double) -> Double {
    switch self {
    case .circle: radius - (dx * dx + dy * dy).squareRoot()
    case .square: 0.88 * radius - max(abs(dx), abs(dy))
    case .diamond: (1.2 * radius - abs(dx) - abs(dy)) / 2.0.squareRoot()
    case .triangle:
      min(0.7 * radius - dy, (1.1 * radius + dy) / 2 - abs(dx) * 0.75.squareRoot())
    }
  }
}

/// Pixels to draw on, with soft edges.
public struct Canvas: Sendable {
  /// Pixels across and down.
  public let width: Int
  public let height: Int
  private var rgb: [UInt8]

  /// A white canvas.
  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
    rgb = [UInt8](repeating: 255, count: width * height * 3)
  }

  /// What has been drawn.
  public var image: Image { Image(width: width, height: height, rgb: rgb) }

  /// The colour of a pixel.
  public func colour(_ x: Int, _ y: Int) -> Colour {
    let start = (y * width + x) * 3
    return Colour(UInt32(rgb[start]) << 16 | UInt32(rgb[start + 1]) << 8 | UInt32(rgb[start + 2]))
  }

  /// A filled rectangle; sides between pixels are blended.
  public mutating func fill(
    left: Double, top: Double, width: Double, height: Double, _ colour: Colour
  ) {
    let (right, bottom) = (left + width, top + height)
    paint(left...max(left, right), top...max(top, bottom), colour) { x, y in
      overlap(x - 0.5, left, right) * overlap(y - 0.5, top, bottom)
    }
  }

  /// A straight line.
  /// - Parameters:
  ///   - thickness: pixels
  ///   - dash: pixels of a stroke and of the gap after it; 0 draws through
  public mutating func line(
    _ from: CanvasPoint, _ to: CanvasPoint, _ colour: Colour, thickness: Double = 1,
    dash: Double = 0
  ) {
    let (dx, dy) = (to.x - from.x, to.y - from.y)
    let length = (dx * dx + dy * dy).squareRoot()
    guard length > 0 else { return }
    let reach = thickness / 2 + 1
    paint(
      min(from.x, to.x) - reach...max(from.x, to.x) + reach,
      min(from.y, to.y) - reach...max(from.y, to.y) + reach, colour
    ) { x, y in
      let along = ((x - from.x) * dx + (y - from.y) * dy) / length
      let across = abs((x - from.x) * dy - (y - from.y) * dx) / length
      if dash > 0, along.truncatingRemainder(dividingBy: 2 * dash) > dash { return 0 }
      return min(thickness / 2 + 0.5 - across, along + 0.5, length - along + 0.5)
    }
  }

  /// A marker around a point, with a white edge that sets it off from those under it.
  public mutating func mark(
    _ marker: Marker, at point: CanvasPoint, radius: Double, _ colour: Colour
  ) {
    for (edge, colour) in [(1.5, Colour.white), (0, colour)] {
      let reach = 1.3 * radius + edge + 1
      paint(point.x - reach...point.x + reach, point.y - reach...point.y + reach, colour) {
        marker.depth($0 - point.x, $1 - point.y, radius: radius) + edge + 0.5
      }
    }
  }

  /// Where a text lies around its point.
  public enum Alignment: Double, Sendable {
    case leading = 0
    case centred = 0.5
    case trailing = 1
  }

  /// Pixels that a line of text takes along it.
  public static func textLength(_ text: String, size: Double) -> Double {
    Double(max(text.count * BitmapFont.advance - 1, 0)) * size
  }

  /// A line of text, centred across its direction on a point.
  /// - Parameters:
  ///   - size: pixels of one of the font's
  ///   - isVertical: read from below
  public mutating func text(
    _ text: String, at point: CanvasPoint, size: Double, _ colour: Colour = .black,
    _ alignment: Alignment = .leading, isVertical: Bool = false
  ) {
    var start = -alignment.rawValue * Self.textLength(text, size: size)
    let above = -Double(BitmapFont.letterHeight - 1) * size / 2
    for character in text {
      for (row, pixels) in BitmapFont.pixels(character).enumerated() {
        for (column, isSet) in pixels.enumerated() where isSet {
          let along = start + Double(column) * size
          let across = above + Double(row) * size
          if isVertical {
            fill(
              left: point.x + across, top: point.y - along - size, width: size, height: size,
              colour)
          } else {
            fill(
              left: point.x + along, top: point.y + across, width: size, height: size, colour)
          }
        }
      }
      start += Double(BitmapFont.advance) * size
    }
  }

  /// Blends a colour into the pixels of a region by how much of each (0 to 1, clamped) is covered,
  /// asked at its middle.
  private mutating func paint(
    _ columns: ClosedRange<Double>, _ rows: ClosedRange<Double>, _ colour: Colour,
    _ coverage: (Double, Double) -> Double
  ) {
    let (left, right) = (max(0, Int(columns.lowerBound)), min(width, Int(columns.upperBound) + 1))
    let (top, bottom) = (max(0, Int(rows.lowerBound)), min(height, Int(rows.upperBound) + 1))
    let channels = [colour.red, colour.green, colour.blue]
    guard left < right, top < bottom else { return }  // beside the canvas
    for y in top..<bottom {
      for x in left..<right {
        let share = min(max(coverage(Double(x) + 0.5, Double(y) + 0.5), 0), 1)
        if share == 0 { continue }
        for (channel, value) in channels.enumerated() {
          let index = (y * width + x) * 3 + channel
          let mixed = Double(rgb[index]) * (1 - share) + Double(value) * share
          rgb[index] = UInt8(mixed.rounded())
        }
      }
    }
  }
}

/// How much of a pixel that begins at `start` lies between two edges.
private func overlap(_ start: Double, _ low: Double, _ high: Double) -> Double {
  max(0, min(start + 1, high) - max(start, low))
}
