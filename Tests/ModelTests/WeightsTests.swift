import Graph
import Testing

@testable import Model

@Suite struct WeightsTests {
  @Test func convolutionsMoveTheirChannelsLast() {
    let layout = ParameterLayout(name: "conv.weight", fileShape: [2, 3, 1, 2])
    #expect(layout.graphShape == [2, 1, 2, 3])
    let file: [Float] = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]
    let graph: [Float] = [0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121]
    #expect(layout.toGraph(file) == graph)
    #expect(layout.toFile(graph) == file)
  }

  @Test func matricesStayAsTheyAre() {
    for shape in [[6], [2, 3], [2, 3, 1, 1]] {
      let layout = ParameterLayout(name: "weight", fileShape: shape)
      let values: [Float] = [5, 4, 3, 2, 1, 0]
      #expect(layout.graphShape == (shape.count == 4 ? [2, 3] : shape))
      #expect(layout.toGraph(values) == values)
      #expect(layout.toFile(values) == values)
    }
  }

  @Test(arguments: TestedSize.allCases)
  func everyTensorReturnsToItsFileUnchanged(size: TestedSize) {
    for entry in size.configuration.manifest where entry.elementCount < 1 << 20 {
      let layout = entry.layout
      let values = (0..<entry.elementCount).map { Float($0) }
      let moved = layout.toGraph(values)
      #expect(layout.graphShape.reduce(1, *) == entry.elementCount)
      #expect(layout.toFile(moved) == values, "\(layout.name)")
      #expect((moved == values) == (layout.isIdentity || layout.hasOneOrder), "\(layout.name)")
    }
  }

  @Test func channelOrderIsATransposition() {
    let shape = [2, 3, 2, 5]
    let values = (0..<60).map { Float($0) }
    let last = ChannelOrder.channelsLast(values, shape: shape)
    for n in 0..<2 {
      for c in 0..<3 {
        for y in 0..<2 {
          for x in 0..<5 {
            #expect(last[((n * 2 + y) * 5 + x) * 3 + c] == values[((n * 3 + c) * 2 + y) * 5 + x])
          }
        }
      }
    }
    #expect(ChannelOrder.channelsFirst(last, shape: [2, 2, 5, 3]) == values)
  }

  /// An adapter replaces what layers use, not what is stored.
  @Test func aWeightIsAnExpression() {
    let graph = Graph()
    let parameters = ParameterSource(
      graph, trainable: { $0.hasSuffix("bias") },
      expression: { name, stored in name.hasSuffix("weight") ? stored + stored : stored })
    let linear = Linear(parameters.scope(.unet)["out"], from: 3, to: 2)
    let (weight, bias) = (parameters.stored[0], parameters.stored[1])
    #expect(weight.name == "model.diffusion_model.out.weight")
    #expect(linear.weight.id != weight.tensor.id)
    #expect(linear.bias?.id == bias.tensor.id)
    #expect(parameters.trained.map(\.name) == ["model.diffusion_model.out.bias"])
    #expect(graph.variables.map(\.isTrained) == [false, true])
  }
}

extension ParameterLayout {
  /// A convolution with one channel or one pixel, whose order the conversion cannot show.
  fileprivate var hasOneOrder: Bool {
    fileShape.count == 4 && (fileShape[1] == 1 || fileShape[2] * fileShape[3] == 1)
  }
}
