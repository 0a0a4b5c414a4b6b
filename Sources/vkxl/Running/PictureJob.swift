import Data
import Foundation
import Graph
import Model
import Train

/// One picture that `vkxl sample` draws.
struct PictureJob: Sendable, Equatable {
  var prompt: String
  var negative: String
  /// Pixels.
  var width: Int
  /// Pixels.
  var height: Int
  var steps: Int
  var guidance: Double
  var seed: UInt64
  /// Where its sides were given, for messages.
  var place: String

  var latentShape: FrameShape { FrameShape(samples: 1, height: height / 8, width: width / 8) }

  /// The text chunk, in the form that A1111 writes and viewers read.
  /// - Parameter details: what decides the picture beside what every picture has, by name
  func parameterText(
    _ process: SamplingProcess, _ details: [(name: String, value: String)], model: String
  ) -> String {
    let name = URL(fileURLWithPath: model).deletingPathExtension().lastPathComponent
    let more = details.map { ", \($0.name): \($0.value)" }.joined()
    return """
      \(prompt)
      Negative prompt: \(negative)
      Steps: \(steps), Sampler: \(process.method.title), CFG scale: \(guidance), Seed: \(seed), \
      Size: \(width)x\(height), Model: \(name), Prediction: \(process.prediction.rawValue)\(more)
      """
  }
}

extension SampleCommand {
  /// The pictures of `--prompt` and of the prompt file, `--count` of each.
  /// - Throws: `InputError` when the file cannot be read or a line in it is wrong.
  func jobs() throws -> [PictureJob] {
    let given = prompt.map { job($0) }
    let listed = try prompts.map { path in
      try PromptFile.read(path, place: "--prompts \(path)").map { line in
        var job = job(line.prompt)
        job.negative = line.negative ?? negative
        job.width = line.width ?? width
        job.height = line.height ?? height
        job.steps = line.steps ?? steps
        job.guidance = line.guidance ?? guidance
        job.seed = UInt64(line.seed ?? seed)
        job.place = line.place
        return job
      }
    }
    return (given + (listed ?? [])).flatMap { job in
      (0..<count).map { index in
        var next = job
        next.seed += UInt64(index)
        return next
      }
    }
  }

  private func job(_ prompt: String) -> PictureJob {
    PictureJob(
      prompt: prompt, negative: negative, width: width, height: height, steps: steps,
      guidance: guidance, seed: UInt64(seed), place: "")
  }
}
