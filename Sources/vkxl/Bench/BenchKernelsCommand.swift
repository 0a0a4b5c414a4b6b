import ArgumentParser
import Data
import Graph
import Shaders

/// Storage that kernels can be measured in.
enum BenchStorage: String, CaseIterable, ExpressibleByArgument, Sendable {
  case f32, f16, bf16

  var dtype: DType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    }
  }
}

/// `vkxl bench kernels`
struct BenchKernelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernels",
    abstract: "Time each kernel at SDXL's shapes, beside what the device can do.",
    discussion: """
      First the device's ceilings are measured: multiply-adds in f32 outside matrix units, products on \
      matrix units where it has them, and copies within device memory. Then each kernel runs alone at the shapes of a 1024x1024 picture. Products, \
      convolutions and attention are told in FLOP/s and as a share of the multiply-adds, or of the \
      matrix units where they run on those; the rest in bytes/s that must be read and written at \
      least, as a share of the copy. Products are M x N x K; dx and dw are gradients with respect to input and weight.

      Kernels are chosen by measurement first, as training does, and the choices are kept.

      Examples:
        vkxl bench kernels --filter attention
        vkxl bench kernels --weights bf16 --json kernels.json --plot roofline.png
      """)

  @Option(help: ArgumentHelp("Kernels with this in name, shape or operation.", valueName: "text"))
  var filter: String?

  @Option(help: "Samples at once.")
  var batch = 1

  @Option(help: "Storage of activations, and of weights unless --weights says otherwise.")
  var precision: BenchStorage = .f32

  @Option(help: "Storage of weights and of their gradients.")
  var weights: BenchStorage?

  @Flag(help: "Take the best guess for every kernel, whatever earlier runs chose.")
  var noTune = false

  @OptionGroup var plotting: BenchPlotOptions
  @OptionGroup var options: BenchOptions

  func run() throws {
    let cases = try selectedCases()
    try options.check()
    try plotting.check()
    let backend = try Opening.backend(options.device.device, validate: options.device.validate)
    Shell.writeText("device: \(backend.description)\n", to: .standardOutput)
    let progress = BenchProgress()
    if !noTune {
      progress.show("choosing kernels by measurement")
      let report = try backend.tune(cases.map(\.graph), budgetSeconds: .infinity)
      progress.clear()
      Shell.writeText(report.sentence, to: .standardOutput)
    }
    progress.show("measuring the device's ceilings")
    let ceilings = try DeviceCeilings(backend)
    let measurements = try cases.enumerated().map { index, kernel in
      progress.show("\(index + 1) of \(cases.count): \(kernel.name) \(kernel.shape)")
      return try kernel.measure(on: backend)
    }
    progress.clear()
    for ceiling in ceilings.all {
      Shell.writeText(
        "\(ceiling.kind.rawValue): \(ceiling.rateText) (\(ceiling.method))\n", to: .standardOutput)
    }
    Shell.writeText(table(measurements, ceilings), to: .standardOutput)
    if let json = options.json {
      let results = KernelResults(
        batch: batch, activations: precision.rawValue,
        weights: (weights ?? precision).rawValue, ceilings, measurements)
      try BenchReport("bench kernels", on: backend, results).write(to: json)
    }
    if let plot = plotting.plot {
      let roofline = Roofline(
        title: "Kernels at SDXL's shapes, 1024x1024", device: backend.description,
        ceilings: ceilings, work: measurements.map(Roofline.Work.init))
      try PNG.write(roofline.chart.image(), to: plot)
    }
  }

  private func selectedCases() throws -> [KernelCase] {
    try OptionCheck.require("--batch", batch, in: 1...64)
    let all = KernelCases(
      batch: batch, activations: precision.dtype, weights: (weights ?? precision).dtype
    ).all
    guard let filter else { return all }
    let chosen = all.filter { $0.matches(filter) }
    guard chosen.isEmpty else { return chosen }
    let names = all.map(\.name).reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    throw InputError(
      "--filter \(filter)", expected: "text in the name or shape of a kernel", found: "no match",
      hint: "there are: \(names.joined(separator: ", "))")
  }

  private func table(_ measurements: [KernelMeasurement], _ ceilings: DeviceCeilings) -> String {
    var table = TextTable(
      columns: ["kernel", "shape", "storage", "ms", "rate", "share", "variant"])
    for measurement in measurements {
      let kernel = measurement.kernel
      table.add([
        kernel.name, kernel.shape, kernel.storage, Figures.readable(measurement.seconds * 1e3),
        measurement.rateText, Figures.percent(measurement.share(of: ceilings)),
        measurement.choice?.description ?? "",
      ])
    }
    return table.text
  }
}

extension TuningReport {
  /// What was done, as a line; empty when there was nothing to choose.
  var sentence: String {
    guard measuredCount + knownCount + guessedCount > 0 else { return "" }
    return "kernels: \(measuredCount) measured in \(Figures.readable(seconds)) s, "
      + "\(knownCount) known, \(guessedCount) guessed\n"
  }
}

extension Ceiling {
  var rateText: String { Figures.rate(perSecond, kind == .copy ? "B" : "FLOP") }
}

extension KernelMeasurement {
  /// In the unit of what bounds it.
  var rateText: String {
    kernel.bound == .arithmetic
      ? Figures.rate(flopPerSecond, "FLOP") : Figures.rate(bytesPerSecond, "B")
  }
}

/// The results of `vkxl bench kernels` for its file.
struct KernelResults: Encodable {
  struct CeilingResult: Encodable {
    var kind: String
    var perSecond: Double
    var unit: String
    var method: String
  }

  struct KernelResult: Encodable {
    var name: String
    var shape: String
    var operation: String
    var storage: String
    var bound: String
    var seconds: Double
    var flop: Int
    var bytes: Int
    var flopPerByte: Double
    var flopPerSecond: Double
    var bytesPerSecond: Double
    var shareOfCeiling: Double
    var variant: String?
  }

  var batch: Int
  var activations: String
  var weights: String
  var ceilings: [CeilingResult]
  var kernels: [KernelResult]

  init(
    batch: Int, activations: String, weights: String, _ ceilings: DeviceCeilings,
    _ measurements: [KernelMeasurement]
  ) {
    self.batch = batch
    self.activations = activations
    self.weights = weights
    self.ceilings = ceilings.all.map {
      CeilingResult(
        kind: $0.kind.rawValue, perSecond: $0.perSecond,
        unit: $0.kind == .copy ? "B/s" : "FLOP/s", method: $0.method)
    }
    kernels = measurements.map {
      KernelResult(
        name: $0.kernel.name, shape: $0.kernel.shape, operation: $0.kernel.operation.name,
        storage: $0.kernel.storage, bound: $0.kernel.bound.rawValue, seconds: $0.seconds,
        flop: $0.flopCount, bytes: $0.byteCount, flopPerByte: $0.intensity,
        flopPerSecond: $0.flopPerSecond, bytesPerSecond: $0.bytesPerSecond,
        shareOfCeiling: $0.share(of: ceilings), variant: $0.choice?.description)
    }
  }
}
