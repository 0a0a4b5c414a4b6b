import Testing

@testable import Data

@Suite struct PlotTests {
  @Test func axisMapsLogarithms() {
    let axis = LogAxis(1...1000, from: 100, to: 400)
    #expect(axis.position(1) == 100)
    #expect(abs(axis.position(10) - 200) < 1e-9)
    #expect(abs(axis.position(1000) - 400) < 1e-9)
    #expect(abs(axis.position(0.1) - 0) < 1e-9)
    let upward = LogAxis(0.01...1, from: 500, to: 100)
    #expect(abs(upward.position(0.1) - 300) < 1e-9)
  }

  @Test func axisHoldsItsValues() {
    let axis = LogAxis(holding: [3, 50, 0, -1, .infinity], from: 0, to: 1)
    #expect(axis.values.lowerBound < 3 && axis.values.upperBound > 50)
    #expect(axis.position(3) > 0 && axis.position(50) < 1)
    let alone = LogAxis(holding: [], from: 0, to: 1)
    #expect(alone.values.contains(1))
  }

  @Test func ticksAreRoundNumbers() {
    let long = LogAxis(0.05...200, from: 0, to: 1).ticks
    #expect(long.compactMap(\.label) == ["0.1", "1", "10", "100"])
    #expect(long.first?.value == 0.05 && long.last?.value == 200)
    let short = LogAxis(15...60, from: 0, to: 1).ticks
    #expect(short.compactMap(\.label) == ["20", "50"])
    #expect(short.map(\.value) == [20, 30, 40, 50, 60])
  }

  @Test func lettersDiffer() {
    let printable = (32...126).map { Character(UnicodeScalar(UInt8($0))) }
    let glyphs = printable.map(BitmapFont.pixels)
    #expect(Set(glyphs).count == printable.count)
    #expect(glyphs.allSatisfy { $0.count == 8 && $0.allSatisfy { $0.count == 5 } })
    #expect(BitmapFont.pixels(" ").joined().allSatisfy { !$0 })
    #expect(BitmapFont.pixels("é") == BitmapFont.pixels("?"))
    let bar = BitmapFont.pixels("|").map { $0.firstIndex(of: true) }
    #expect(bar == [Int?](repeating: 2, count: 8))
  }

  @Test func rectanglesBlendAtTheirSides() {
    var canvas = Canvas(width: 8, height: 8)
    canvas.fill(left: 2, top: 3, width: 2.5, height: 1, Colour(0x000000))
    #expect(canvas.colour(1, 3) == .white && canvas.colour(2, 2) == .white)
    #expect(canvas.colour(2, 3) == Colour(0x000000) && canvas.colour(3, 3) == Colour(0x000000))
    #expect(canvas.colour(4, 3) == Colour(0x808080))
    #expect(canvas.colour(5, 3) == .white && canvas.colour(2, 4) == .white)
  }

  @Test func whatLiesBesideTheCanvasIsLeftOut() {
    var canvas = Canvas(width: 8, height: 8)
    canvas.fill(left: 20, top: 3, width: 2, height: 1, Colour(0x000000))
    canvas.fill(left: 2, top: -9, width: 2, height: 1, Colour(0x000000))
    canvas.text("name", at: CanvasPoint(30, 40), size: 2)
    #expect(canvas.image.rgb.allSatisfy { $0 == 255 })
  }

  @Test func linesAndDashes() {
    var canvas = Canvas(width: 40, height: 11)
    let (from, to) = (CanvasPoint(0, 5.5), CanvasPoint(40, 5.5))
    canvas.line(from, to, Colour(0xff0000), dash: 10)
    let colours = (0..<40).map { canvas.colour($0, 5) }
    #expect(colours[5] == Colour(0xff0000) && colours[25] == Colour(0xff0000))
    #expect(colours[15] == .white && colours[35] == .white)
    #expect(canvas.colour(5, 3) == .white)
  }

  @Test(arguments: Marker.allCases) func markersAreFilledAndBounded(_ marker: Marker) {
    var canvas = Canvas(width: 41, height: 41)
    canvas.mark(marker, at: CanvasPoint(20.5, 20.5), radius: 8, Colour(0x0000ff))
    #expect(canvas.colour(20, 20) == Colour(0x0000ff))
    let border = (0..<41).flatMap { [($0, 0), ($0, 40), (0, $0), (40, $0)] }
    #expect(border.allSatisfy { canvas.colour($0.0, $0.1) == .white })
    // As wide on the left as on the right.
    let rows = (0..<41).map { y in (0..<41).map { canvas.colour($0, y) } }
    #expect(rows.allSatisfy { $0 == $0.reversed() })
  }

  /// Text covers what it says it does, across and upright.
  @Test func textTurns() {
    var canvas = Canvas(width: 60, height: 60)
    canvas.text("Ab", at: CanvasPoint(30, 30), size: 2, .black, .centred)
    var turned = Canvas(width: 60, height: 60)
    turned.text("Ab", at: CanvasPoint(30, 30), size: 2, .black, .centred, isVertical: true)
    let places = (0..<60).flatMap { x in (0..<60).map { (x, $0) } }
    #expect(places.contains { canvas.colour($0.0, $0.1) != .white })
    #expect(places.allSatisfy { canvas.colour($0.0, $0.1) == turned.colour($0.1, 59 - $0.0) })
    #expect(Canvas.textLength("Ab", size: 2) == 22)
  }

  @Test func labelsAvoidEachOther() {
    var taken: [LabelBox] = []
    for _ in 0..<20 {
      taken.append(
        LabelBox.free(around: CanvasPoint(50, 50), width: 12, height: 10, avoiding: taken))
    }
    for (index, box) in taken.enumerated() {
      #expect(!taken[..<index].contains { $0.overlaps(box) })
    }
  }

  /// Points lie where the axes say, in their colours, and lines reach from end to end.
  @Test func chartShowsItsPoints() {
    let colour = Colour.series[1]
    let chart = LogChart(
      title: "title", xTitle: "x", yTitle: "y",
      lines: [LogChart.Line("roof", [(1, 10), (100, 1000)], colour: Colour.series[0])],
      points: [
        LogChart.Point("first", x: 10, y: 20, colour: colour, marker: .circle),
        LogChart.Point("second", x: 50, y: 400, colour: .series[2], marker: .square),
      ])
    let image = chart.image(width: 600, height: 400)
    #expect(image.width == 600 && image.height == 400)
    let frame = LogChartFrame(chart, width: 600, height: 400)
    for point in chart.points {
      let (x, y) = (Int(frame.xAxis.position(point.x)), Int(frame.yAxis.position(point.y)))
      #expect((90..<500).contains(x) && (70..<330).contains(y))
      let pixel = image.rgb[(y * 600 + x) * 3..<(y * 600 + x) * 3 + 3]
      #expect(Array(pixel) == [point.colour.red, point.colour.green, point.colour.blue])
    }
    let (x, y) = (Int(frame.xAxis.position(5)), Int(frame.yAxis.position(50)))
    let nearby = (-1...1).map { image.rgb[((y + $0) * 600 + x) * 3] }
    #expect(nearby.contains(Colour.series[0].red))
  }

  @Test func chartAxesDivideTheirValues() {
    let linear = ChartAxis(.linear, holding: [0, 10], from: 0, to: 100)
    #expect(linear.ticks.map(\.value) == [0, 2, 4, 6, 8, 10])
    #expect(abs(linear.position(5) - 50) < 1e-9)
    #expect(linear.clampedPosition(1000) == 100 && linear.clampedPosition(-1000) == 0)
    let logarithmic = ChartAxis(.logarithmic, holding: [1, 100], from: 0, to: 100)
    #expect(abs(logarithmic.position(10) - 50) < 1e-9)
    #expect(!logarithmic.holds(0) && !logarithmic.holds(.nan) && logarithmic.holds(3))
    let named = ChartAxis(.named(["a", "b"]), holding: [], from: 0, to: 100)
    #expect(named.position(0) == 25 && named.position(1) == 75)
    #expect(named.ticks.map(\.label) == ["a", "b"])
  }

  @Test func lineChartShowsValuesAndIntervals() {
    let chart = LineChart(
      title: "", xTitle: "", yTitle: "",
      series: [
        LineChart.Series("a", [.init(0, 1), .init(1, 3, deviation: 1)]),
        LineChart.Series("b", [.init(0.5, 2.8)]),
      ])
    let image = chart.image(width: 600, height: 400)
    let frame = LineChartFrame(chart, width: 600, height: 400)
    func colour(_ x: Double, _ y: Double) -> [UInt8] {
      let (column, row) = (Int(frame.xAxis.position(x)), Int(frame.yAxis.position(y)))
      return Array(image.rgb[(row * 600 + column) * 3..<(row * 600 + column) * 3 + 3])
    }
    let (first, second) = (Colour.series[0], Colour.series[1])
    #expect(colour(0, 1) == [first.red, first.green, first.blue])
    #expect(colour(1, 3) == [first.red, first.green, first.blue])
    #expect(colour(0.5, 2.8) == [second.red, second.green, second.blue])
    #expect(colour(0.5, 2) != [255, 255, 255])  // the line between
    #expect(colour(1, 3.6) != [255, 255, 255])  // the bar above the value
    #expect(colour(0.25, 2.6) == [255, 255, 255])
  }
}
