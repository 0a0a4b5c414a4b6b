import Foundation
import Graph
import Shaders
import Testing
import VKRuntime

@testable import Model

/// A file of `reference.py` (torch 2.13.0, diffusers 0.42.1, transformers 5.23.0), by its name in
/// `Fixtures/reference`.
struct ReferenceFile {
  let file: Safetensors

  init(_ name: String) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let path = folder.appending(path: "Fixtures/reference/\(name).safetensors").path
    file = try Safetensors(path: path)
  }

  func shape(_ name: String) throws -> [Int] { try file.entry(name).shape }

  /// The tensor in the graph's order: images N x H x W x C.
  func data(_ name: String) throws -> TensorData {
    let entry = try file.entry(name)
    guard entry.dtype.isFloatingPoint else {
      return TensorData(entry.shape, try file.integers(name).map { Int32($0) })
    }
    let values = try file.floats(entry)
    guard entry.shape.count == 4 else { return TensorData(entry.shape, values) }
    let (n, c, h, w) = (entry.shape[0], entry.shape[1], entry.shape[2], entry.shape[3])
    return TensorData([n, h, w, c], ChannelOrder.channelsLast(values, shape: entry.shape))
  }

  /// `||found - expected|| / ||expected||`.
  func error(of found: TensorData?, from name: String) throws -> Double {
    relativeError(try #require(found).hostTensor, try data(name).hostTensor)
  }
}

/// A graph with synthetic weights (seed 0) on a backend.
struct ReferenceModel {
  let graph = Graph()
  let parameters: ParameterSource

  init(dtype: DType = .f32, trainable: @escaping (String) -> Bool = { _ in false }) {
    parameters = ParameterSource(graph, dtype: dtype, trainable: trainable)
  }

  /// An input in the type of that tensor of the file.
  func input(_ name: String, from file: ReferenceFile) throws -> Tensor {
    graph.input(name, try file.data(name).type)
  }

  /// Runs the graph once, its inputs taken from the file but for those given.
  func run(
    on backend: any Backend, _ file: ReferenceFile, given: [String: TensorData] = [:]
  ) throws -> [String: TensorData] {
    let plan = try backend.plan(graph)
    let store = try backend.makeStore(graph.variables)
    try writeSyntheticWeights(to: store)
    let program = try store.load(plan)
    var inputs = given
    for input in plan.inputs where inputs[input.name] == nil {
      inputs[input.name] = try file.data(input.name)
    }
    return try program.run(inputs)
  }

  /// Fills every parameter as `reference.py` does: in the file's order, rounded to f16.
  func writeSyntheticWeights(to store: any Store) throws {
    let layouts = Self.layouts
    for parameter in parameters.stored {
      let layout = try #require(layouts[parameter.name]?[parameter.tensor.shape])
      let values = SyntheticTensors.weight(layout.name, shape: layout.fileShape)
      let data = TensorData(parameter.tensor.type, floats: layout.toGraph(values))
      try store.write(data, to: layout.name)
    }
  }

  /// Layouts of the sizes tested, by name and shape in the graph.
  static let layouts: [String: [[Int]: ParameterLayout]] = {
    var found: [String: [[Int]: ParameterLayout]] = [:]
    for configuration in [SDXLConfiguration.tiny, .odd] {
      for entry in configuration.manifest {
        found[entry.name, default: [:]][entry.layout.graphShape] = entry.layout
      }
    }
    return found
  }()
}

/// Backends that every network is tested on.
enum TestedBackend: String, CaseIterable, CustomTestStringConvertible {
  /// The CPU evaluator in Double: the networks are right.
  case reference
  /// f32 on a device: the kernels are.
  case vulkan

  var testDescription: String { rawValue }

  func make() throws -> any Backend {
    switch self {
    case .reference: ReferenceBackend()
    case .vulkan: try Self.device.get()
    }
  }

  /// Opening a device and compiling its kernels takes time: all tests share one.
  private static let device = Result { try VulkanBackend(Device()) }
}

/// Model sizes with reference files.
enum TestedSize: String, CaseIterable, CustomTestStringConvertible {
  case tiny, odd

  var testDescription: String { rawValue }
  var configuration: SDXLConfiguration { self == .tiny ? .tiny : .odd }
}
