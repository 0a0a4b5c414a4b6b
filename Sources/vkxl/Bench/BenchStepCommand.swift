import ArgumentParser
import Data
import Graph
import Model
import Shaders
import Train
import VKRuntime

/// `vkxl bench step`
struct BenchStepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Time a whole training step, and each operation in it.",
    discussion: """
      Forward, loss, backward, clipping and update on latents and conditioning of noise; the weights \
      are a checkpoint's, or noise for the sizes known by name. The median of several steps after \
      two that warm up, each alone from submission to end. Then one step more with the device's \
      clock read around every launch: what the launches take one after another, which is more than \
      a step in which they overlap.

      Examples:
        vkxl bench step --size tiny --batch 4
        vkxl bench step --size full --width 1024 --height 1024 --json step.json
      """)

  @OptionGroup var model: BenchModelOptions

  @Option(help: "What the model predicts.")
  var objective: PredictionType = .flow

  @Option(help: "The update rule, as training has it by default.")
  var optimizer = OptimizerType.adamW

  @Option(help: "Steps to measure.")
  var steps = 5

  @Option(
    help: ArgumentHelp("Show operations with this in their names.", valueName: "text"))
  var filter: String?

  @Flag(help: "Tell uses of an operation at different shapes (two inputs, result) apart.")
  var shapes = false

  @Flag(help: "Take the best guess for every kernel, whatever earlier runs chose.")
  var noTune = false

  @OptionGroup var precision: PrecisionOptions
  @OptionGroup var plotting: BenchPlotOptions
  @OptionGroup var options: BenchOptions

  func run() throws {
    try OptionCheck.require("--steps", steps, in: 1...1000)
    var model = try model.model()
    try options.check()
    try plotting.check()
    let backend = try Opening.backend(options.device.device, validate: options.device.validate)
    model.storage = try precision.storage(on: backend)
    var benchmark = StepBenchmark(backend, model, objective, optimizer)
    benchmark.separatesShapes = shapes
    let graphs = benchmark.graphs
    try checkFilter(graphs)
    Shell.writeText(
      "device: \(backend.description)\nmodel: \(model.description)\n", to: .standardOutput)
    let progress = BenchProgress()
    if !noTune {
      progress.show("choosing kernels by measurement")
      let report = try backend.tune(graphs, budgetSeconds: KernelSearch.usualBudgetSeconds)
      progress.clear()
      Shell.writeText(report.sentence, to: .standardOutput)
    }
    let memory = try PlannedMemory(benchmark.planner(), model.shape)
    let results = try benchmark.run(steps: steps) { progress.show($0) }
    progress.clear()
    Shell.writeText(table(results) + summary(results, model, memory), to: .standardOutput)
    if let json = options.json {
      let report = StepReportFile(model, objective, optimizer, results, memory)
      try BenchReport("bench step", on: backend, report).write(to: json)
    }
    if let plot = plotting.plot {
      let roofline = Roofline(
        title: "A training step: \(model.description)", device: backend.description,
        ceilings: try DeviceCeilings(backend),
        work: shown(results).map {
          Roofline.Work(
            name: $0.operation, operation: $0.operation, flopCount: $0.flop, byteCount: $0.bytes,
            seconds: $0.seconds)
        })
      try PNG.write(roofline.chart.image(), to: plot)
    }
  }

  /// The operations that the filter lets through.
  private func shown(_ results: StepBenchmark.Results) -> [StepBenchmark.OperationTime] {
    results.operations.filter { operation in
      filter.map { operation.operation.contains($0) } ?? true
    }
  }

  /// - Throws: `InputError` when no operation of the step is to be shown.
  private func checkFilter(_ graphs: [Graph]) throws {
    guard let filter else { return }
    let operations = graphs.flatMap { $0.nodes.map(\.operation) }
    let names = Set(operations.filter { !$0.isAlias }.map(\.name))
    guard !names.contains(where: { $0.contains(filter) }) else { return }
    throw InputError(
      "--filter \(filter)", expected: "text in the name of an operation", found: "no match",
      hint: "there are: \(names.sorted().joined(separator: ", "))")
  }

  private func table(_ results: StepBenchmark.Results) -> String {
    var table = TextTable(
      columns: ["operation", "launches", "ms", "share", "GFLOP", "GFLOP/s"])
    for operation in shown(results) {
      table.add([
        operation.operation, String(operation.launches),
        Figures.readable(operation.seconds * 1e3),
        Figures.percent(operation.seconds / results.profiledSeconds),
        Figures.readable(Double(operation.flop) / 1e9),
        Figures.readable(operation.flopPerSecond / 1e9),
      ])
    }
    return table.text
  }

  private func summary(
    _ results: StepBenchmark.Results, _ model: BenchModel, _ memory: PlannedMemory
  ) -> String {
    let step = results.medianSeconds
    let (least, most) = (results.stepSeconds.min() ?? step, results.stepSeconds.max() ?? step)
    let launches = Double(results.launches) * results.launchSeconds
    let rows = [
      (
        "step",
        "\(Figures.duration(step)), median of \(results.stepSeconds.count) "
          + "(\(Figures.duration(least)) to \(Figures.duration(most)))"
      ),
      ("pictures", "\(Figures.readable(Double(model.shape.samples) / step)) each second"),
      (
        "arithmetic",
        "\(Figures.readable(Double(results.flop) / 1e9)) GFLOP, "
          + Figures.rate(Double(results.flop) / step, "FLOP")
      ),
      ("device", "\(Figures.duration(results.deviceSeconds)) by its clock"),
      ("one by one", "\(Figures.duration(results.profiledSeconds)), the sum of the table"),
      ("host", "\(Figures.duration(results.hostSeconds)) to submit a step"),
      (
        "launches",
        "\(results.launches) x \(Figures.duration(results.launchSeconds)) (an empty one) = "
          + "\(Figures.duration(launches)), with the host's \(Figures.percent(results.launchShare)) of the step"
      ),
      ("memory", "\(readableByteCount(UInt64(memory.peak))) planned"),
    ]
    let width = rows.map(\.0.count).max() ?? 0
    return "\n"
      + rows.map { name, text in
        name + String(repeating: " ", count: width + 2 - name.count) + text + "\n"
      }.joined()
  }
}

/// The results of `vkxl bench step` for its file.
struct StepReportFile: Encodable {
  var model: String
  var width: Int
  var height: Int
  var batch: Int
  /// Storage of weights and activations.
  var precision: String
  var objective: String
  var optimizer: String
  var step: StepBenchmark.Results
  var memory: PlannedMemory

  init(
    _ model: BenchModel, _ objective: PredictionType, _ optimizer: OptimizerType,
    _ step: StepBenchmark.Results, _ memory: PlannedMemory
  ) {
    self.model = model.name
    width = 8 * model.shape.width
    height = 8 * model.shape.height
    batch = model.shape.samples
    precision = model.storage.activations.rawValue
    self.objective = objective.rawValue
    self.optimizer = optimizer.rawValue
    self.step = step
    self.memory = memory
  }
}
