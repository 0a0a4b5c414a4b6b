import ArgumentParser
import Graph
import Model
import Shaders
import VKRuntime

/// `vkxl bench memory`
struct BenchMemoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "memory",
    abstract: "Tell what memory a training step needs, and how fast the device is fed.",
    discussion: """
      The plan, to the byte; then, where the device can hold it, what is allocated once everything \
      is loaded; then copies between host and device by the device's own command.

      Examples:
        vkxl bench memory --size full --batch 4
        vkxl bench memory --size tiny --width 256 --height 256 --json memory.json
      """)

  @OptionGroup var model: BenchModelOptions
  @Option(help: "The update rule, as training has it by default.")
  var optimizer = OptimizerType.adamW

  @OptionGroup var precision: PrecisionOptions
  @OptionGroup var options: BenchOptions

  func run() throws {
    var model = try model.model()
    try options.check()
    let backend = try Opening.backend(options.device.device, validate: options.device.validate)
    model.storage = try precision.storage(on: backend)
    Shell.writeText(
      "device: \(backend.description)\nmodel: \(model.description)\n", to: .standardOutput)
    let progress = BenchProgress()
    progress.show("planning")
    let benchmark = StepBenchmark(backend, model, .flow, optimizer)
    let planned = try PlannedMemory(benchmark.planner(), model.shape)
    let available = backend.device.availableByteCount
    progress.show("loading")
    let allocated = try allocatedByteCount(benchmark, planned, available)
    progress.show("copying")
    let rates = try TransferRates(backend.device)
    progress.clear()
    Shell.writeText(
      planned.table + summary(planned, allocated, available, rates), to: .standardOutput)
    if let json = options.json {
      let results = MemoryResults(model, planned, allocated, available, rates)
      try BenchReport("bench memory", on: backend, results).write(to: json)
    }
  }

  /// Nil when the device cannot hold it with something to spare.
  private func allocatedByteCount(
    _ benchmark: StepBenchmark, _ planned: PlannedMemory, _ available: UInt64
  ) throws -> Int? {
    guard UInt64(planned.peak) < available / 10 * 9 else { return nil }
    return try benchmark.trainer().store.allocatedByteCount
  }

  private func summary(
    _ planned: PlannedMemory, _ allocated: Int?, _ available: UInt64, _ rates: TransferRates
  ) -> String {
    let text = { (byteCount: Int) in readableByteCount(UInt64(byteCount)) }
    return """

      lower bound: \(text(planned.lowerBound))
      allocated: \(allocated.map(text) ?? "not tried: the device has less to spare") \
      (available: \(readableByteCount(available)))
      host to device: \(Figures.rate(rates.hostToDevice, "B"))
      device to host: \(Figures.rate(rates.deviceToHost, "B"))

      """
  }
}

/// Bytes a second of copies between host and device.
struct TransferRates: Encodable {
  let hostToDevice: Double
  let deviceToHost: Double

  /// - Throws: `VulkanError`
  init(_ device: Device) throws {
    let byteCount = min(128 << 20, device.limits.maxArenaByteCount)
    func rate(_ source: ArenaKind, _ target: ArenaKind) throws -> Double {
      let copy = BufferCopy(from: source, to: target, byteCount: byteCount)
      return Double(byteCount) / (try copy.bestSeconds(on: device))
    }
    hostToDevice = try rate(.upload, .device)
    deviceToHost = try rate(.device, .readback)
  }
}

/// The results of `vkxl bench memory` for its file.
struct MemoryResults: Encodable {
  var model: String
  var width: Int
  var height: Int
  var batch: Int
  var planned: PlannedMemory
  var allocated: Int?
  var available: UInt64
  var transferBytesPerSecond: TransferRates

  init(
    _ model: BenchModel, _ planned: PlannedMemory, _ allocated: Int?, _ available: UInt64,
    _ rates: TransferRates
  ) {
    self.model = model.name
    width = 8 * model.shape.width
    height = 8 * model.shape.height
    batch = model.shape.samples
    self.planned = planned
    self.allocated = allocated
    self.available = available
    transferBytesPerSecond = rates
  }
}
