import ArgumentParser
import Foundation
import Graph
import Shaders
import VKRuntime

/// `vkxl experiment`
struct ExperimentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "experiment",
    abstract: "Compare training methods on one run, with several seeds.",
    discussion: """
      Trains every arm of an experiment's file with every seed, measures all in the same way, and \
      writes results.md and plot.png beside the file. Kernels are guessed, not measured, so that a \
      device gives the same figures again. What the experiments are and what came out: \
      Experiments/README.md.

      Example:
        vkxl experiment Experiments/convergence/experiment.yaml
      """)

  @Argument(help: ArgumentHelp("The experiment's file, YAML.", valueName: "file"))
  var file: String

  @OptionGroup var device: DeviceOptions

  func run() async throws {
    let file = try ExperimentFile.load(file)
    for name in ["results.md", "plot.png"] {
      try OptionCheck.requireWritable("the folder of \(file.path)", file.folder + "/" + name)
    }
    let backend = try Opening.backend(device.device, validate: device.validate)
    let terminal = Terminal.standardError
    terminal.write("device: \(backend.description)\n")
    let clock = ContinuousClock()
    let began = clock.now
    if file.experiment == .brightness {
      let run = try Configuration.load(file: file.folder + "/" + file.run, overrides: [])
      try PlainPictures.write(beside: file, side: run.data.resolution)
    }
    let stage = try ExperimentStage(file, backend) { terminal.write($0 + "\n") }
    let report = try await Self.report(stage)
    try report.write(
      stage, seconds: (clock.now - began) / .seconds(1),
      processorSeconds: Self.processorSeconds)
    terminal.write("wrote \(file.folder)/results.md and plot.png\n")
  }

  /// User and system time of this process.
  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static func report(_ stage: ExperimentStage) async throws -> ExperimentReport {
    switch stage.file.experiment {
    case .brightness: try await BrightnessExperiment(stage).report()
    case .convergence: try await ConvergenceExperiment(stage).report()
    case .gradientStability: try await GradientExperiment(stage).report()
    case .sigmaSpacing: try await SpacingExperiment(stage).report()
    case .resolution: try await ResolutionExperiment(stage).report()
    case .switching: try await SwitchingExperiment(stage).report()
    }
  }
}
