import Foundation
import Graph

/// metrics.jsonl: one JSON object a line for each finished step and each validation.
///
/// Each line is one append of the operating system, so that a reader never sees half of one and a
/// killed run leaves whole lines.
final class MetricsLog {
  private let file: String
  private let descriptor: Int32
  private var byteCount: off_t

  /// Opens the log of a run.
  ///
  /// - Parameter resumedStep: Nil for a new run, whose log must not exist yet; else the step that
  ///   the run continues from: later lines, which the resumed run will write again, are removed.
  /// - Throws: `InputError` when the file is in the way, is not a metrics log or cannot be written.
  init(file: String, resumedStep: Int? = nil) throws {
    self.file = file
    if let resumedStep {
      try Self.truncate(file, after: resumedStep)
    } else if let attributes = try? FileManager.default.attributesOfItem(atPath: file),
      (attributes[.size] as? NSNumber)?.intValue != 0
    {
      throw InputError(
        file, expected: "no metrics of another run", found: "some",
        hint: "choose another output.folder, or continue that run with --resume")
    }
    descriptor = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.systemError(file) }
    byteCount = lseek(descriptor, 0, SEEK_END)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Appends a step's line.
  func append(_ metrics: StepMetrics) throws { try append(metrics.json) }

  /// Appends one line.
  ///
  /// - Throws: `InputError` when it cannot be written (disk full); the file then ends with the line
  ///   before.
  func append(_ json: String) throws {
    let line = Array((json + "\n").utf8)
    let written = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written == line.count else {
      let error = written < 0 ? Self.systemError(file) : Self.diskFull(file)
      _ = ftruncate(descriptor, byteCount)
      throw error
    }
    byteCount += off_t(line.count)
  }

  /// Removes lines of steps after `step`, and a last line that was cut off.
  private static func truncate(_ file: String, after step: Int) throws {
    guard FileManager.default.fileExists(atPath: file) else { return }
    guard let data = FileManager.default.contents(atPath: file) else { throw systemError(file) }
    var kept = Data()
    var number = 0
    for line in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      guard line.endIndex < data.endIndex else { break }  // no line end: cut off, or nothing
      guard let found = Self.step(of: line) else {
        throw InputError(
          "\(file):\(number)", expected: "a JSON object with `step`", found: "something else",
          hint: "move the file away; the run goes on without its earlier metrics")
      }
      if found <= step { kept += line + [UInt8(ascii: "\n")] }
    }
    guard kept.count != data.count else { return }
    // Written beside and renamed: a failure leaves the old file.
    do {
      try kept.write(to: URL(fileURLWithPath: file), options: .atomic)
    } catch {
      throw InputError(
        file, expected: "a writable file", found: error.localizedDescription)
    }
  }

  private static func step(of line: Data) -> Int? {
    struct Line: Decodable { var step: Int }
    return try? JSONDecoder().decode(Line.self, from: Data(line)).step
  }

  private static func systemError(_ file: String) -> InputError {
    InputError(file, expected: "a writable file", found: String(cString: strerror(errno)))
  }

  private static func diskFull(_ file: String) -> InputError {
    InputError(file, expected: "room for a line", found: "a full disk")
  }
}
