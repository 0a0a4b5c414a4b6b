/// Two axes with their lines across the chart, names and titles.
struct ChartAxes {
  /// One axis.
  struct Side {
    /// Where its lower and its upper end lie, in pixels.
    let start: Double
    let end: Double
    /// Places of the lines across the chart, with texts where they have one.
    let lines: [(place: Double, label: String?)]

    /// - Parameter position: where a value lies, in pixels
    init(
      start: Double, end: Double, _ ticks: [LogAxis.Tick], at position: (Double) -> Double
    ) {
      self.start = start
      self.end = end
      lines = ticks.map { (position($0.value), $0.label) }
    }
  }

  let x: Side
  let y: Side
  /// Pixels that named lines go on beyond the axes; 0 for none.
  let markLength: Double

  private static let textSize = 1.8

  func draw(
    on canvas: inout Canvas, title: String, subtitle: String, xTitle: String, yTitle: String
  ) {
    for line in x.lines {
      canvas.line(
        CanvasPoint(line.place, y.start), CanvasPoint(line.place, y.end), Self.colour(line.label))
      guard let label = line.label else { continue }
      canvas.line(
        CanvasPoint(line.place, y.start), CanvasPoint(line.place, y.start + markLength), .black)
      canvas.text(
        label, at: CanvasPoint(line.place, y.start + 18), size: Self.textSize, .black, .centred)
    }
    for line in y.lines {
      canvas.line(
        CanvasPoint(x.start, line.place), CanvasPoint(x.end, line.place), Self.colour(line.label))
      guard let label = line.label else { continue }
      canvas.line(
        CanvasPoint(x.start - markLength, line.place), CanvasPoint(x.start, line.place), .black)
      canvas.text(
        label, at: CanvasPoint(x.start - 10, line.place), size: Self.textSize, .black, .trailing)
    }
    let origin = CanvasPoint(x.start, y.start)
    canvas.line(origin, CanvasPoint(x.end, y.start), .black, thickness: 1.5)
    canvas.line(origin, CanvasPoint(x.start, y.end), .black, thickness: 1.5)
    canvas.text(
      xTitle, at: CanvasPoint((x.start + x.end) / 2, y.start + 46), size: Self.textSize, .black,
      .centred)
    canvas.text(
      yTitle, at: CanvasPoint(20, (y.start + y.end) / 2), size: Self.textSize, .black, .centred,
      isVertical: true)
    canvas.text(title, at: CanvasPoint(x.start, 24), size: 2.2)
    canvas.text(subtitle, at: CanvasPoint(x.start, 48), size: 1.5, .grey)
  }

  /// Lines without a text are paler.
  private static func colour(_ label: String?) -> Colour {
    label == nil ? Colour(0xf2f2f2) : .lightGrey
  }
}
