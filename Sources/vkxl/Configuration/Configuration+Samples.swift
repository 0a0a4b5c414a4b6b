import Graph
import Train

extension Configuration {
  /// The pictures to draw, of `output.samples` and of the file `output.prompts`, each with the place
  /// to name in a message; none when none are drawn.
  ///
  /// - Throws: `InputError` when the file cannot be read or a line in it is wrong.
  func placedSamples() throws -> [(place: String, sample: SampleDescription)] {
    guard output.grid || output.sampleEvery > 0 else { return [] }
    let given = output.samples.enumerated().map { index, sample in
      (source.place(of: "output.samples[\(index)]"), description(of: sample))
    }
    guard let file = output.prompts else { return given }
    let lines = try PromptFile.read(file, place: source.place(of: "output.prompts"))
    return given + lines.map { ($0.place, description(of: $0)) }
  }

  private func description(of sample: SampleSettings) -> SampleDescription {
    SampleDescription(
      prompt: sample.prompt, negative: sample.negative,
      width: sample.width ?? data.resolution, height: sample.height ?? data.resolution,
      steps: sample.steps, guidance: sample.guidance, guidanceRescale: output.guidanceRescale,
      method: output.sampler, seed: UInt64(sample.seed))
  }

  /// What a line does not say is as an item of `output.samples` has it.
  private func description(of line: PromptLine) -> SampleDescription {
    var sample = SampleSettings.usual
    sample.prompt = line.prompt
    sample.negative = line.negative ?? sample.negative
    sample.width = line.width
    sample.height = line.height
    sample.steps = line.steps ?? sample.steps
    sample.guidance = line.guidance ?? sample.guidance
    sample.seed = line.seed.map { Int($0) } ?? sample.seed
    return description(of: sample)
  }
}

extension SampleSettings {
  /// Every key at its default.
  fileprivate static var usual: SampleSettings {
    var sample = SampleSettings()
    for key in ConfigurationKey<SampleSettings>.sampleKeys {
      if let value = key.defaultValue { key.write(&sample, value) }
    }
    return sample
  }
}
