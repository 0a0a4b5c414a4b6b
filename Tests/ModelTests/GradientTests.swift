import Graph
import Testing

@testable import Model

/// Every parameter's gradient of the mean squared error, against autograd's.
@Suite struct GradientTests {
  /// Relative error of each gradient's norm.
  static let normTolerance = 1e-4
  /// Relative L2 error of each gradient's first 64 elements.
  static let headTolerance = 1e-3
  /// Share of the global norm below which a gradient counts as zero.
  static let zeroShare = 1e-6

  struct Case: CustomTestStringConvertible, Sendable {
    let file: String
    let size: TestedSize
    /// Tensors whose gradient is zero in exact arithmetic: at tiny size the first level's norms
    /// have one channel a group, which removes whatever a bias before them adds.
    let zeroCount: Int
    var testDescription: String { file }
  }

  static let cases = [
    Case(file: "grads-tiny-flow", size: .tiny, zeroCount: 17),
    Case(file: "grads-tiny-v-ztsnr", size: .tiny, zeroCount: 17),
    Case(file: "grads-odd-eps", size: .odd, zeroCount: 0),
  ]

  @Test(arguments: TestedBackend.allCases, cases)
  func equalsAutograd(backend: TestedBackend, test: Case) throws {
    let file = try ReferenceFile(test.file)
    let outputs = try Self.gradients(of: test, file).run(
      on: backend.make(), file, given: ["weight": Self.sampleWeights(file)])
    #expect(try file.error(of: outputs["loss"], from: "loss") <= 1e-5)
    #expect(try file.error(of: outputs["prediction"], from: "prediction") <= UNetTests.tolerance)

    let layouts = test.size.configuration.unet.parameterLayouts
    let norms = try layouts.map { try file.file.doubles("norm.\($0.name)")[0] }
    let globalNorm = norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
    var zeroCount = 0
    for (layout, norm) in zip(layouts, norms) {
      let gradient = try #require(outputs["grad.\(layout.name)"], "\(layout.name)")
      let values = layout.toFile(gradient.floats).map(Double.init)
      let found = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      if norm < Self.zeroShare * globalNorm {
        zeroCount += 1
        #expect(found < Self.zeroShare * globalNorm, "\(layout.name)")
        continue
      }
      let head = try file.file.doubles("head.\(layout.name)")
      let type = TensorType([head.count])
      let headError = relativeError(
        HostTensor(type, Array(values.prefix(head.count))), HostTensor(type, head))
      #expect(abs(found - norm) <= Self.normTolerance * norm, "\(layout.name): \(found), \(norm)")
      #expect(headError <= Self.headTolerance, "\(layout.name)")
    }
    #expect(zeroCount == test.zeroCount)
  }

  /// Frozen parameters get no gradient, and trained ones all do.
  @Test func frozenParametersCostNothing() throws {
    let file = try ReferenceFile("grads-tiny-flow")
    let isTrained = { (name: String) in name.contains("attn2.to_k") }
    let model = ReferenceModel(trainable: isTrained)
    let loss = try model.prediction(.tiny, file).meanSquaredError(model.graph, file)
    let before = model.graph.nodes.count
    let targets = model.parameters.trained.map(\.tensor)
    let gradients = model.graph.gradients(of: loss, withRespectTo: targets)
    #expect(gradients.allSatisfy { $0 != nil })
    #expect(targets.count == SDXLConfiguration.tiny.unet.manifest.count { isTrained($0.name) })
    let weightGradients = model.graph.nodes[before...].filter {
      $0.operation is Convolution2DWeightGradient
    }
    #expect(weightGradients.isEmpty)
  }

  /// A graph with the loss, the prediction and every gradient as outputs.
  private static func gradients(of test: Case, _ file: ReferenceFile) throws -> ReferenceModel {
    let model = ReferenceModel(trainable: { _ in true })
    let prediction = try model.prediction(test.size.configuration, file)
    let loss = try prediction.meanSquaredError(model.graph, file)
    let trained = model.parameters.trained
    let gradients = model.graph.gradients(of: loss, withRespectTo: trained.map(\.tensor))
    for (parameter, gradient) in zip(trained, gradients) {
      model.graph.output("grad.\(parameter.name)", try #require(gradient, "\(parameter.name)"))
    }
    model.graph.output("loss", loss)
    model.graph.output("prediction", prediction)
    return model
  }

  /// 1 / N for each sample: the mean over the batch.
  private static func sampleWeights(_ file: ReferenceFile) throws -> TensorData {
    let count = try file.shape("sample")[0]
    return TensorData([count], [Float](repeating: 1 / Float(count), count: count))
  }
}

extension Tensor {
  /// Mean squared error against the file's target; the graph's input `weight` is each sample's.
  fileprivate func meanSquaredError(_ graph: Graph, _ file: ReferenceFile) throws -> Tensor {
    let weight = graph.input("weight", TensorType([shape[0]]))
    let target = graph.input("target", try file.data("target").type)
    return loss(against: target, weight: weight).loss
  }
}
