import Foundation
import Graph
import Model
import Testing

@testable import Shaders
@testable import Train

/// Each rule against the paper's or its authors' over six steps (Fixtures/optimizers.py), and as part
/// of a trainer: resuming, memory, parameter groups.
@Suite struct OptimizerRuleTests {
  static let shapes = [[50, 83], [4, 3, 3, 2], [7], [6, 5]]
  static let parameters = shapes.enumerated().map { index, shape in
    Variable(name: "p\(index)", type: TensorType(shape), kind: .parameter(trained: true))
  }

  /// A rule on a backend, over parameters of the fixture or others.
  struct Run {
    let store: any Store
    let program: any Program

    init(
      _ backend: any Backend, _ optimizer: OptimizerSettings,
      _ parameters: [Variable] = OptimizerRuleTests.parameters
    ) throws {
      let graph = Graph()
      let updated = parameters.enumerated().map { index, variable in
        UpdatedParameter(
          variable: variable, index: index, weight: graph.variable(variable),
          gradient: graph.input("gradient." + variable.name, TensorType(variable.type.shape)))
      }
      let scalars = ["learning_rate", "step", "scale"].map { graph.input($0, TensorType([1])) }
      optimizer.update(
        graph, updated,
        UpdateContext(learningRate: scalars[0], step: scalars[1], scale: scalars[2], seed: 3))
      store = try backend.makeStore(parameters + optimizer.states(parameters))
      for (variable, initial) in optimizer.rule.sharedStates {
        try store.write(TensorData(variable.type, floats: initial), to: variable.name)
      }
      program = try store.load(backend.plan(graph))
    }

    func step(_ step: Int, rate: Float, _ gradients: [String: TensorData]) throws {
      var inputs = gradients
      inputs["learning_rate"] = TensorData([1], [rate])
      inputs["step"] = TensorData([1], [Float(step)])
      inputs["scale"] = TensorData([1], [1 as Float])
      _ = try program.run(inputs)
    }
  }

  static let rules: [(String, OptimizerSettings)] = [
    ("lion", OptimizerSettings(.lion(LionSettings(weightDecay: 0.1)))),
    ("adafactor", OptimizerSettings(.adafactor(AdafactorSettings(weightDecay: 0.1)))),
    ("adamw8bit", OptimizerSettings(.adamW8Bit(AdamW8BitSettings(weightDecay: 0.1)))),
    ("prodigy", OptimizerSettings(.prodigy(ProdigySettings(weightDecay: 0.1, d0: 0.1)))),
    (
      "prodigy-corrected",
      OptimizerSettings(
        .prodigy(
          ProdigySettings(
            weightDecay: 0.1, d0: 0.1, dCoefficient: 10, correctsBias: true,
            safeguardsWarmup: true)))
    ),
  ]

  /// Both sides round in f32 at every step. Of 8-bit moments a code may tip to its neighbour, which
  /// moves one element's update by a hundredth: limits of 1e-5 and 1e-3 of the movement.
  /// Steps are at least a hundredth of the weights, so that f32's rounding of these, which Double does
  /// not share, is far below.
  @Test(arguments: rules)
  func sixStepsOfTheReference(name: String, optimizer: OptimizerSettings) throws {
    let file = try Fixture.open("optimizers")
    for backend in [try SharedBackend.vulkan, ReferenceBackend()] as [any Backend] {
      let run = try Run(backend, optimizer)
      for (index, shape) in Self.shapes.enumerated() {
        try run.store.write(TensorData(shape, file.floats("initial.p\(index)")), to: "p\(index)")
      }
      var comparisons = 0
      for step in 1...6 {
        var gradients: [String: TensorData] = [:]
        for (index, shape) in Self.shapes.enumerated() {
          gradients["gradient.p\(index)"] = TensorData(
            shape, try file.floats("gradient.\(step).p\(index)"))
        }
        try run.step(step, rate: name.hasPrefix("prodigy") ? 1 : 1e-2, gradients)
        for index in Self.shapes.indices where file["\(name).\(step).p\(index)"] != nil {
          let initial = try file.doubles("initial.p\(index)")
          let movement = { (values: [Double]) in zip(values, initial).map { $0 - $1 } }
          let found = movement(try run.store.read("p\(index)").floats.map(Double.init))
          let expected = movement(try file.doubles("\(name).\(step).p\(index)"))
          let error = relativeError(found, expected)
          comparisons += 1
          #expect(
            error < (name == "adamw8bit" ? 1e-3 : 1e-5),
            "p\(index), step \(step) on \(backend.description)")
        }
      }
      // The file has three of the steps, and of 8-bit moments the one tensor that is large enough.
      #expect(comparisons == 3 * (name == "adamw8bit" ? 1 : Self.shapes.count))
      try Self.checkStates(name, run.store, file)
    }
  }

  private static func checkStates(
    _ name: String, _ store: any Store, _ file: Safetensors
  ) throws {
    if name == "adafactor" {
      for (state, expected) in [("row", "rows"), ("col", "columns")] {
        let found = try store.read("exp_avg_sq_\(state).p0").floats.map(Double.init)
        #expect(try relativeError(found, file.doubles("adafactor.\(expected).p0")) < 1e-5)
      }
    }
    if name.hasPrefix("prodigy") {
      let distance = try store.read(StateName.prodigyControl).floats[0]
      let expected = try file.floats("\(name).d")[0]
      #expect(abs(distance / expected - 1) < 1e-5)
      #expect(expected > 0.11, "the distance must have grown")
    }
    guard name == "adamw8bit" else { return }
    for (state, expected) in [("exp_avg", "m"), ("exp_avg_sq", "v")] {
      let found = try store.read("\(state).p0").bytes.map(Int.init)
      let codes = try file.integers("adamw8bit.\(expected).codes")
      let distances = zip(found, codes).map { abs($0 - $1) }
      #expect((distances.max() ?? 9) <= 1 && distances.count(where: { $0 > 0 }) <= 8)
      let scales = try store.read("absmax\(expected == "m" ? 1 : 2).p0").floats.map(Double.init)
      #expect(try relativeError(scales, file.doubles("adamw8bit.\(expected).absmax")) < 1e-4)
    }
  }

  /// bitsandbytes' tables.
  @Test func dynamicMaps() throws {
    let file = try Fixture.open("optimizers")
    for (map, name) in [(DynamicMap.signed, "signed"), (DynamicMap.unsigned, "unsigned")] {
      let expected = try file.floats("map.\(name)")
      #expect(map.count == 256)
      #expect(zip(map, expected).allSatisfy { abs($0 - $1) <= 2e-7 * abs($1) })
    }
  }

  static let kinds: [OptimizerSettings.Kind] = [
    .adamW(AdamWSettings(stateDType: .bf16)), .adamW8Bit(AdamW8BitSettings()),
    .adafactor(AdafactorSettings()), .lion(LionSettings(stateDType: .bf16)),
    .prodigy(ProdigySettings(d0: 1e-4)),
  ]

  /// Without decay of norms and biases, weights of one dimension move as without decay.
  @Test(arguments: rules.prefix(3))
  func normsAndBiasesMayNotDecay(name: String, optimizer: OptimizerSettings) throws {
    var some = optimizer
    some.decaysNormsAndBiases = false
    let results = try [optimizer, some].map { optimizer in
      let run = try Run(SharedBackend.vulkan, optimizer)
      for parameter in Self.parameters {
        let ones = [Float](repeating: 1, count: parameter.type.elementCount)
        try run.store.write(TensorData(parameter.type, floats: ones), to: parameter.name)
      }
      // A gradient of zero moves nothing but by decay.
      try run.step(
        1, rate: 0.5,
        Dictionary(
          uniqueKeysWithValues: Self.parameters.map {
            ("gradient." + $0.name, TensorData(zeros: $0.type))
          }))
      return try Self.parameters.map { try run.store.read($0.name).floats[0] }
    }
    #expect(results[0].allSatisfy { abs($0 - 0.95) < 1e-6 })
    #expect(results[1][2] == 1)
    #expect([0, 1, 3].allSatisfy { results[1][$0] == results[0][$0] })
  }

  /// Steps of a hundredth of bf16's last place add up, in the mean of many weights.
  @Test(arguments: [DType.f16, .bf16])
  func smallStepsOfSmallWeightsAddUp(dtype: DType) throws {
    let parameter = Variable(
      name: "p", type: TensorType([4096], dtype), kind: .parameter(trained: true))
    let optimizer = OptimizerSettings(.lion(LionSettings()))
    let run = try Run(SharedBackend.vulkan, optimizer, [parameter])
    let ones = [Float](repeating: 1, count: 4096)
    try run.store.write(TensorData(parameter.type, floats: ones), to: "p")
    let rate: Float = (dtype == .bf16 ? 0x1p-8 : 0x1p-11) / 100
    for step in 1...50 {
      try run.step(step, rate: rate, ["gradient.p": TensorData([4096], ones)])
    }
    let mean = try run.store.read("p").floats.reduce(0) { $0 + Double($1) } / 4096
    // The mean of 4096 weights that each move by one place of probability 1/2: deviates by 1/128.
    #expect(abs((1 - mean) / (50 * Double(rate)) - 1) < 0.06)
  }
}

/// Rules in a trainer of the tiny model.
@Suite struct OptimizerTrainingTests {
  static func settings(_ kind: OptimizerSettings.Kind) -> TrainerSettings {
    var settings = Tiny.settings()
    settings.optimizer = OptimizerSettings(kind)
    return settings
  }

  /// Every rule in every precision, wherever gradients are.
  @Test(arguments: OptimizerRuleTests.kinds, DType.storage)
  func resumesToTheBit(_ kind: OptimizerSettings.Kind, dtype: DType) throws {
    var settings = Self.settings(kind)
    settings.storage = UNetStorage(dtype)
    if dtype == .f16 { settings.lossScaling = LossScaling(initialScale: 1024, growthInterval: 1) }
    for gradients in GradientPolicy.allCases {
      if (try? gradients.check(settings, accumulation: 1)) == nil { continue }
      let measured = try TrainerTests.expectResumeToTheBit(settings, to: 2, gradients: gradients)
      #expect(measured.compactMap(\.lossScale).count == (dtype == .f16 ? 2 : 0))
    }
  }

  @Test(arguments: OptimizerRuleTests.kinds)
  func memoryIsWhatWasPlanned(_ kind: OptimizerSettings.Kind) throws {
    let backend = try SharedBackend.vulkan
    let settings = Self.settings(kind)
    let denoiser = UNetRunner.denoiser(Tiny.configuration.unet)
    let parameters = Trainer.parameters(TrainerTests.shape, denoiser)
    var planned = MemoryUse(runsInFlight: Trainer.runsInFlight(accumulation: 1))
    try planned.add(Tiny.variables(backend, settings, TrainerTests.shape), backend)
    for graph in [
      UpdateStep.graph(parameters, optimizer: settings.optimizer, maximumNorm: 1),
      MicroStep.graph(TrainerTests.shape, gradients: .replace, denoiser: denoiser),
    ] { planned.add(try backend.plan(graph), backend) }
    let trainer = try Tiny.trainer(backend, settings, TrainerTests.shape)
    try trainer.prepare(TrainerTests.shape, accumulates: false)
    #expect(trainer.store.allocatedByteCount == planned.total)
  }
}
