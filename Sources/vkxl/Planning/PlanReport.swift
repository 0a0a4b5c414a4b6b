import Foundation
import Graph
import Model
import Train
import VKRuntime

/// What `vkxl plan` tells.
struct PlanReport: Encodable {
  var version = Vkxl.version
  /// The configuration's file.
  var configuration: String
  var budgetBytes: Int
  var accumulation: Int
  /// Type of weights and activations.
  var precision: String
  /// Whether gradients are computed times a scale.
  var scalesLoss: Bool
  /// In the order of the run: what is cached before it, training, pictures.
  var phases: [PlannedPhase]
  var buckets: [BucketPlan]
  /// The first bucket with each way to treat gradients.
  var ways: [PlannedWay]

  init(
    configuration: String, budgetBytes: Int, accumulation: Int, storage: UNetStorage,
    phases: [PlannedPhase], buckets: [BucketPlan], ways: [PlannedWay]
  ) {
    self.configuration = configuration
    self.budgetBytes = budgetBytes
    self.accumulation = accumulation
    precision = storage.weights.rawValue
    scalesLoss = storage.scalesLoss
    self.phases = phases
    self.buckets = buckets
    self.ways = ways
  }

  /// Tables for the terminal.
  var text: String {
    var text = "budget: \(readableByteCount(UInt64(budgetBytes)))\n"
    text += "precision: \(precision)\(scalesLoss ? " with a loss scale" : "")\n\n" + bucketTable
    if let first = buckets.first {
      text += "\n\(first.width)x\(first.height), batch \(first.batch):\n" + first.memory.table
      text += "computed again: \(first.recomputedText)\n"
      text += "\ngradients, at \(first.width)x\(first.height):\n" + wayTable
    }
    return text + "\nphases of the run:\n" + phaseTable
  }

  private var phaseTable: String {
    var table = TextTable(columns: ["phase", "GiB"])
    for phase in phases { table.add([phase.name, Self.gibibytes(phase.bytes)]) }
    return table.text
  }

  private var bucketTable: String {
    var table = TextTable(columns: [
      "bucket", "batch", "gradients", "parameters", "optimizer", "gradients GiB", "activations",
      "workspace", "other", "peak", "lower bound", "TFLOP", "again", "again GB", "largest batch",
    ])
    for bucket in buckets {
      let memory = bucket.memory
      let amounts = [
        memory.parameters, memory.optimizerState, memory.keptGradients + memory.gradients,
        memory.activations + memory.recomputed, memory.workspace,
        memory.fragmentation + memory.stepBlocks + memory.staging + memory.gaps, memory.peak,
        memory.lowerBound,
      ].map(Self.gibibytes)
      table.add(
        ["\(bucket.width)x\(bucket.height)", String(bucket.batch), bucket.gradients] + amounts + [
          Figures.readable(Double(bucket.flop) / 1e12),
          Figures.percent(
            Double(bucket.recomputedFlop) / Double(max(bucket.flop - bucket.recomputedFlop, 1))),
          Figures.readable(Double(bucket.recomputedTraffic) / 1e9),
          bucket.largestBatch.map(String.init) ?? "",
        ])
    }
    return table.text
      + "Amounts of memory in GiB, at the moment with most in use. TFLOP are those of an update; again: "
      + "more of\nthem, because results are computed a second time, as a share of the others, and the "
      + "bytes that\npass for it.\n"
  }

  private var wayTable: String {
    var table = TextTable(columns: ["memory.gradients", "peak GiB", "TFLOP", "again", "again GB"])
    for way in ways {
      guard let plan = way.plan else {
        table.add([way.gradients, "", "", way.problem ?? "", ""])
        continue
      }
      table.add([
        way.gradients, Self.gibibytes(plan.memory.peak),
        Figures.readable(Double(plan.flop) / 1e12),
        Figures.percent(
          Double(plan.recomputedFlop) / Double(max(plan.flop - plan.recomputedFlop, 1))),
        Figures.readable(Double(plan.recomputedTraffic) / 1e9),
      ])
    }
    return table.text
  }

  private static func gibibytes(_ byteCount: Int) -> String {
    String(format: "%.2f", Double(byteCount) / 0x1p30)
  }

  /// - Throws: `InputError` when the file cannot be written.
  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let text = String(decoding: try encoder.encode(self), as: UTF8.self)
    try AtomicFile.write(to: path) { try $0.write(text + "\n") }
  }
}
