import Foundation
import Logging
import Synchronization
import Testing

@testable import vkxl

/// A terminal whose clock is set by the test and whose text is kept.
final class FakeTerminal: Sendable {
  private let text = Mutex("")
  private let seconds = Mutex(0.0)
  private let columns: Mutex<Int>

  init(columns: Int = 100) { self.columns = Mutex(columns) }

  var written: String { text.withLock { $0 } }
  /// The line that is visible last.
  var lastLine: String {
    let pieces = written.replacing("\r\u{1B}[K", with: "\n").split(separator: "\n")
    return pieces.last.map(String.init) ?? ""
  }
  func advance(_ by: Double) { seconds.withLock { $0 += by } }
  func resize(_ columns: Int) { self.columns.withLock { $0 = columns } }

  func terminal(interactive: Bool = true, unicode: Bool = false) -> Terminal {
    Terminal(
      isInteractive: interactive, showsUnicode: unicode, width: { self.columns.withLock { $0 } },
      now: { self.seconds.withLock { $0 } }, write: { text in self.text.withLock { $0 += text } })
  }
}

private func metrics(
  _ step: Int, loss: Float = 0.5, seconds: Double = 2, images: Int = 8
) -> StepMetrics {
  StepMetrics(
    step: step, loss: loss, learningRate: 1e-3, gradientNorm: 0.25, seconds: seconds,
    images: images)
}

@Suite struct ProgressTests {
  @Test func lineOnATerminal() {
    let fake = FakeTerminal()
    let bar = ProgressBar(total: 40, terminal: fake.terminal())
    bar.update(metrics(9))
    #expect(!fake.lastLine.contains("left"))
    fake.advance(1)
    bar.update(metrics(10))
    #expect(
      fake.written.hasSuffix(
        "\r\u{1B}[Ktrain  25% |#####----------------|"
          + " 10/40  loss 0.5000  4.00 img/s  1:00 left  lr 1.0e-03  grad 0.25"))
    #expect(fake.lastLine.count <= 99)
    bar.finish()
    #expect(fake.written.hasSuffix("grad 0.25\n"))
    bar.finish()
    #expect(!fake.written.hasSuffix("\n\n"))
  }

  @Test func redrawsAtMostTenTimesASecondButShowsTheLastStep() {
    let fake = FakeTerminal()
    let bar = ProgressBar(total: 4, terminal: fake.terminal())
    func drawings() -> Int { fake.written.count { $0 == "\r" } }
    bar.update(metrics(1))
    fake.advance(0.05)
    bar.update(metrics(2))
    #expect(drawings() == 1)
    fake.advance(0.06)
    bar.update(metrics(3))
    #expect(drawings() == 2)
    bar.update(metrics(4))
    #expect(drawings() == 3)
    #expect(fake.lastLine.contains("100%"))
    #expect(fake.lastLine.contains("0:00 left"))
  }

  @Test func narrowTerminalsLoseTheLeastWantedFields() {
    let fake = FakeTerminal()
    let bar = ProgressBar(total: 40, terminal: fake.terminal())
    bar.update(metrics(9))
    for columns in [200, 100, 80, 60, 40, 20, 10, 1] {
      fake.resize(columns)
      fake.advance(1)
      bar.update(metrics(10))
      #expect(fake.lastLine.count <= max(1, columns - 1), "\(columns): \(fake.lastLine)")
      if columns >= 60 { #expect(fake.lastLine.contains("loss 0.5000")) }
      if columns >= 80 { #expect(fake.lastLine.contains("1:00 left")) }
      if columns == 60 { #expect(!fake.lastLine.contains("grad")) }
    }
  }

  @Test(arguments: [0, 1, 7, 20, 39, 40]) func barHasItsWidth(_ step: Int) {
    for unicode in [false, true] {
      let fake = FakeTerminal(columns: 200)
      let bar = ProgressBar(total: 40, terminal: fake.terminal(unicode: unicode))
      bar.update(metrics(step))
      let inside = fake.lastLine.split(separator: "|")[1]
      #expect(inside.count == 30)
      let filled = inside.count { $0 == "#" || $0 == "█" }
      #expect(filled == step * 30 / 40)
    }
  }

  @Test func plainLinesElsewhere() {
    let fake = FakeTerminal()
    let bar = ProgressBar(total: 3, completed: 0, terminal: fake.terminal(interactive: false))
    bar.update(metrics(1))
    fake.advance(9)
    bar.update(metrics(2))
    bar.note("saved")
    fake.advance(0.1)
    bar.update(metrics(3, loss: .nan))
    bar.finish()
    #expect(
      fake.written == """
        train  33%  1/3  loss 0.5000  4.00 img/s  lr 1.0e-03  grad 0.25
        saved
        train 100%  3/3  loss nan  4.00 img/s  0:00 left  lr 1.0e-03  grad 0.25

        """)
  }

  @Test func notesStandAboveTheBar() {
    let fake = FakeTerminal()
    let bar = ProgressBar(total: 10, terminal: fake.terminal())
    bar.note("before")
    bar.update(metrics(1))
    bar.note("saved step 1")
    let parts = fake.written.components(separatedBy: "\r\u{1B}[K")
    #expect(parts.count == 4)
    #expect(parts[0] == "before\n")
    #expect(parts[2] == "saved step 1\n")
    #expect(parts[3] == parts[1])
  }

  @Test func timeLeftIgnoresPauses() {
    var rate = RateEstimate()
    #expect(rate.secondsPerStep == nil)
    rate.add(seconds: 60, images: 4)  // compiling
    #expect(rate.secondsPerStep == nil)
    for index in 0..<40 { rate.add(seconds: index % 10 == 9 ? 30 : 2, images: 4) }
    #expect(rate.secondsPerStep == 2)
    #expect(rate.imagesPerSecond == 2)
    for _ in 0..<50 { rate.add(seconds: 4, images: 4) }
    #expect(rate.secondsPerStep == 4)
    rate.add(seconds: .nan, images: 4)
    #expect(rate.secondsPerStep == 4)
  }

  @Test func smoothingStartsAtTheFirstValue() {
    var value = SmoothedValue()
    #expect(value.value == nil)
    value.add(3)
    #expect(abs((value.value ?? 0) - 3) < 1e-12)
    value.add(.infinity)
    #expect(abs((value.value ?? 0) - 3) < 1e-12)
    value.add(1)
    // Weights .95 and 1 of the first and second value.
    #expect(abs((value.value ?? 0) - (0.95 * 3 + 1) / 1.95) < 1e-12)
  }

  @Test(arguments: [
    (0.0, "0:00"), (59.6, "1:00"), (754, "12:34"), (18_000, "5:00:00"), (273_600, "3d 04:00"),
    (.infinity, "?"), (-1, "?"),
  ])
  func durations(_ seconds: Double, _ text: String) {
    #expect(ProgressBar.duration(seconds) == text)
  }

  @Test func localeDecidesTheCharacters() {
    #expect(Terminal.localeIsUTF8(["LANG": "en_US.UTF-8"]))
    #expect(!Terminal.localeIsUTF8(["LANG": "en_US.UTF-8", "LC_ALL": "C"]))
    #expect(Terminal.localeIsUTF8(["LANG": "C", "LC_ALL": "", "LC_CTYPE": "de_DE.utf8"]))
    #expect(!Terminal.localeIsUTF8([:]))
  }

  @Test func logLinesReadPlainly() throws {
    let lines = Mutex<[String]>([])
    let options = try LogOptions.parse([])
    let logger = options.logger { line in lines.withLock { $0.append(line) } }
    logger.debug("hidden")
    logger.info("planned", metadata: ["bytes": "12"])
    logger.warning("skipped a.png")
    #expect(lines.withLock { $0 } == ["planned bytes=12", "warning: skipped a.png"])
    let verbose = try LogOptions.parse(["--verbose"]).logger { line in
      lines.withLock { $0.append(line) }
    }
    verbose.debug("shown")
    #expect(lines.withLock { $0.last } == "shown")
  }
}
