import Foundation
import Graph
import Testing

@testable import vkxl

private func metrics(_ step: Int, loss: Float = 0.1) -> StepMetrics {
  StepMetrics(
    step: step, loss: loss, learningRate: 1e-4, gradientNorm: 0.7, seconds: 0.25, images: 4)
}

@Suite struct MetricsLogTests {
  @Test func oneObjectALine() throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/metrics.jsonl"
    let log = try MetricsLog(file: file)
    try log.append(metrics(1))
    try log.append(metrics(2, loss: .nan))
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(
      text == """
        {"step": 1, "loss": 0.1, "learning_rate": 0.0001, "gradient_norm": 0.7, "seconds": 0.25, \
        "images_per_second": 16.0, "skipped_steps": 0}
        {"step": 2, "loss": null, "learning_rate": 0.0001, "gradient_norm": 0.7, "seconds": 0.25, \
        "images_per_second": 16.0, "skipped_steps": 0}

        """)
    for line in text.split(separator: "\n") {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      #expect(object?.count == 7)
    }
  }

  @Test func lossKeepsEveryBit() throws {
    let loss = Float(bitPattern: 0x3e9a_3cd7)
    let object =
      try JSONSerialization.jsonObject(with: Data(metrics(1, loss: loss).json.utf8))
      as? [String: Any]
    let read = (object?["loss"] as? NSNumber)?.doubleValue
    #expect(read.map { Float($0) } == loss)
  }

  @Test func resumeRemovesLaterAndCutOffLines() throws {
    let folder = try TemporaryFolder()
    let lines = (1...5).map { metrics($0).json + "\n" }
    let file = try folder.file("metrics.jsonl", lines.joined() + "{\"step\": 6, \"lo")
    let log = try MetricsLog(file: file, resumedStep: 3)
    try log.append(metrics(4, loss: 9))
    let expected = lines[..<3].joined() + metrics(4, loss: 9).json + "\n"
    #expect(try String(contentsOfFile: file, encoding: .utf8) == expected)
  }

  @Test func resumeWithNothingToRemoveOrNoFile() throws {
    let folder = try TemporaryFolder()
    let whole = (1...3).map { metrics($0).json + "\n" }.joined()
    let file = try folder.file("metrics.jsonl", whole)
    _ = try MetricsLog(file: file, resumedStep: 3)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == whole)
    _ = try MetricsLog(file: file, resumedStep: 0)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "")
    let log = try MetricsLog(file: folder.path + "/other.jsonl", resumedStep: 3)
    try log.append(metrics(4))
    let other = try String(contentsOfFile: folder.path + "/other.jsonl", encoding: .utf8)
    #expect(other == metrics(4).json + "\n")
  }

  @Test func anotherRunIsNotOverwritten() throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("metrics.jsonl", metrics(1).json + "\n")
    #expect {
      _ = try MetricsLog(file: file)
    } throws: {
      ($0 as? InputError)?.hint.contains("--resume") == true
    }
    #expect(try String(contentsOfFile: file, encoding: .utf8) == metrics(1).json + "\n")
  }

  @Test func foreignFileIsAnErrorWithItsLine() throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("metrics.jsonl", metrics(1).json + "\nhello\n")
    #expect {
      _ = try MetricsLog(file: file, resumedStep: 1)
    } throws: {
      ($0 as? InputError)?.place == file + ":2"
    }
  }

  @Test func unwritablePlacesAreErrors() throws {
    #expect(throws: InputError.self) { _ = try MetricsLog(file: "/nowhere/metrics.jsonl") }
    // Every write to /dev/full fails as on a full disk.
    let full = try MetricsLog(file: "/dev/full")
    #expect {
      try full.append(metrics(1))
    } throws: {
      ($0 as? InputError)?.found == "No space left on device"
    }
  }
}
