import Graph
import Model
import Testing

@testable import Shaders
@testable import Train
@testable import VKRuntime

/// Barriers of a training step's plans, checked pair by pair.
@Suite struct BarrierTests {
  /// Launches and barriers of micro-step and update of the tiny model, which `swift test` prints.
  @Test func stepsBetweenTwoBarriersAreIndependent() throws {
    let backend = try SharedBackend.vulkan
    let shape = Tiny.shape(samples: 2)
    let denoiser = UNetRunner.denoiser(Tiny.configuration.unet)
    let parameters = Trainer.parameters(shape, denoiser)
    let store = try backend.makeStore(Tiny.variables(backend, Tiny.settings(), shape))
    let graphs = [
      MicroStep.graph(shape, gradients: .add, denoiser: denoiser),
      UpdateStep.graph(parameters, optimizer: OptimizerSettings(), maximumNorm: 1),
    ]
    for (name, graph) in zip(["micro-step", "update"], graphs) {
      let plan = try backend.plan(graph)
      let accesses = plan.accesses(backend.planningLimits)
      let barriers = BarrierPlan(accesses).isBefore
      var start = 0
      for step in accesses.indices {
        if barriers[step] { start = step }
        for earlier in start..<step {
          let conflict = accesses[earlier].contains { a in
            accesses[step].contains { b in
              a.space == b.space && (a.writes || b.writes)
                && max(a.bytes.lowerBound, b.bytes.lowerBound)
                  < min(a.bytes.upperBound, b.bytes.upperBound)
            }
          }
          #expect(!conflict, "steps \(earlier) and \(step) of the \(name)")
        }
      }
      let program = try #require(try store.load(plan) as? VulkanProgram)
      print(
        "barriers of the tiny \(name): \(program.barrierCount) for \(program.launchCount) launches")
      #expect(program.barrierCount < program.launchCount)
    }
  }

  /// Launches between two barriers give the same bits in any order: kernels touch nothing but what
  /// the plan says.
  @Test func launchesBetweenTwoBarriersMayRunInReverse() throws {
    let backend = try SharedBackend.vulkan
    let shape = Tiny.shape(samples: 2)
    let denoiser = UNetRunner.denoiser(Tiny.configuration.unet)
    let parameters = Trainer.parameters(shape, denoiser)
    let variables = try Tiny.variables(backend, Tiny.settings(), shape)
    let plans = try [
      MicroStep.graph(shape, gradients: .add, denoiser: denoiser),
      UpdateStep.graph(parameters, optimizer: OptimizerSettings(), maximumNorm: 1),
    ].map(backend.plan)
    let states = try [false, true].map { isReversed in
      let store = try backend.makeStore(variables)
      try Tiny.weights.load(parameters, into: store)
      for plan in plans {
        let program = try #require(try store.load(plan) as? VulkanProgram)
        let inputs = Tiny.inputs(plan)
        if isReversed {
          try Self.runReversed(program, inputs)
        } else {
          _ = try program.run(inputs)
        }
      }
      return try variables.map { try store.read($0.name) }
    }
    let differing = variables.indices.filter { states[0][$0] != states[1][$0] }
    #expect(differing.isEmpty, "\(differing.prefix(3).map { variables[$0].name })")
    let moved = zip(variables, states[1]).count(where: { variable, value in
      variable.name.hasPrefix("exp_avg.") && value.floats.contains { $0 != 0 && $0.isFinite }
    })
    #expect(moved > parameters.count / 2)
  }

  private static func runReversed(
    _ program: VulkanProgram, _ inputs: [String: TensorData]
  ) throws {
    let block = try program.fill(inputs)
    let stream = try CommandStream(program.store.backend.device, name: "reversed")
    var group: [LoweredLaunch] = []
    for launch in try program.lowered() {
      if launch.needsBarrier {
        for member in group.reversed() { member.dispatch(on: stream) }
        stream.barrier()
        group = []
      }
      group.append(launch)
    }
    for member in group.reversed() { member.dispatch(on: stream) }
    try stream.end()
    try program.store.timeline.submit([block.fetch, stream])
    try program.store.waitIdle()
  }
}
