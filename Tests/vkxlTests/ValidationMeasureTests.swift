import Graph
import Model
import Shaders
import Testing

@testable import Train
@testable import vkxl

/// What validation measures against the same from single forward passes: the bands, the times, the noise
/// and the target are those that `Validation` documents.
@Suite(.serialized) struct ValidationMeasureTests {
  struct Arm: Sendable {
    var set: [String]
    /// Updates done, which decide how far an eased network is.
    var step = 0
  }

  @Test(arguments: [
    Arm(set: []), Arm(set: ["objective.type=v", "objective.zero_terminal_snr=true"]),
    Arm(set: ["objective.from=epsilon", "objective.transition_steps=4"], step: 2),
    Arm(
      set: ["objective.type=v", "objective.from=epsilon", "objective.transition_steps=4"], step: 1),
  ])
  func bandsAreSquaredErrorsOfTheTarget(_ arm: Arm) async throws {
    // 6 pictures in batches of 4: the second has 2 that only fill up.
    let folder = try ExperimentTests.folderWithRun(pictures: 12, heldOut: 0.5, batchSize: 4)
    let stage = try ExperimentTests.stage(in: folder)
    let run = try await ExperimentRun(
      stage, ExperimentFile.Arm(name: "arm", set: arm.set), seed: 0, steps: 8)
    let data = try #require(run.heldOut)
    let validation = try Validation(
      data, run.objective, stage.backend, run.trainer.store,
      denoiser: UNetRunner.denoiser(stage.unet))
    let report = try validation.measure(step: arm.step)
    #expect(report.bands.count == 4)
    for (band, found) in report.bands.enumerated() {
      let expected = try Self.error(run, data, band: band, step: arm.step)
      #expect(abs(found / expected - 1) < 1e-3, "band \(band): \(found), \(expected)")
    }
  }

  /// Mean over the held-out pictures of the squared error of the objective's own target.
  private static func error(
    _ run: ExperimentRun, _ data: TrainingData, band: Int, step: Int
  ) throws -> Double {
    var errors: [Double] = []
    for index in 0..<data.order.stepsPerEpoch {
      let (batch, samples) = try data.heldOutBatch(at: index)
      let size = batch.latents.count / batch.shape.samples
      let (tokens, pooled) = (
        batch.context.count / batch.shape.samples, batch.pooled.count / batch.shape.samples
      )
      var single = batch.shape
      single.samples = 1
      for (row, sample) in samples.enumerated() {
        // A golden step along the quarter for each picture.
        let place = (Double(sample) + 0.5) * 0.618033988749895
        var time = (Double(band) + place - place.rounded(.down)) / 4
        if run.objective.prediction != .flow { time = (time * 1000).rounded(.down) }
        let own = run.objective.parametrization(at: time)
        let progress = run.objective.easing.map { Double(step) / Double($0.steps) } ?? 1
        let form = own.eased(progress: progress)
        let x0 = Array(batch.latents[row * size..<(row + 1) * size])
        let noise = SampleRandom.normals(
          count: size, seed: 0, step: band, sample: sample, stream: .validation)
        let input = weightedSum((form.signal, x0), (form.noise, noise))
        let output = try run.unet.predict(
          single, latents: input, time: [Float(form.time)],
          context: Array(batch.context[row * tokens..<(row + 1) * tokens]),
          pooled: Array(batch.pooled[row * pooled..<(row + 1) * pooled]),
          timeIDs: Array(batch.timeIDs[row * 6..<(row + 1) * 6]))
        // What the output says of x0 and noise, as the objective's own output says it.
        let said = form.estimate(input: input, output: output)
        let squares = (0..<size).reduce(0.0) { sum, element in
          let error =
            own.targetSignal * Double(said.x0[element] - x0[element])
            + own.targetNoise * Double(said.noise[element] - noise[element])
          return sum + error * error
        }
        errors.append(squares / Double(size))
      }
    }
    return errors.reduce(0, +) / Double(errors.count)
  }
}
