import Graph
import Model

/// Where the values of parameters come from, by single-file name, in the file's layout.
public struct ParameterReader: Sendable {
  private let place: String
  private let layouts: [String: ParameterLayout]
  private let read: @Sendable (ParameterLayout) throws -> [Float]

  /// Reads from a checkpoint whose tensors have been validated against the manifest.
  public init(_ file: Safetensors, manifest: [ManifestEntry]) {
    self.init(file.path, manifest) { layout in try file.floats(layout.name) }
  }

  /// Makes the synthetic weights of `vkxl init`, rounded to f16 as that file holds them.
  public init(synthetic manifest: [ManifestEntry], seed: UInt64 = 0) {
    self.init("synthetic weights", manifest) { layout in
      SyntheticTensors.weight(layout.name, shape: layout.fileShape, seed: seed)
    }
  }

  private init(
    _ place: String, _ manifest: [ManifestEntry],
    read: @escaping @Sendable (ParameterLayout) throws -> [Float]
  ) {
    self.place = place
    layouts = Dictionary(uniqueKeysWithValues: manifest.map { ($0.name, $0.layout) })
    self.read = read
  }

  /// The layout of a parameter.
  /// - Precondition: the manifest names it.
  public func layout(_ name: String) -> ParameterLayout {
    guard let layout = layouts[name] else { preconditionFailure("no parameter \(name)") }
    return layout
  }

  /// A parameter's values in the graph's layout.
  /// - Throws: `InputError` when the file cannot be read.
  public func graphValues(_ name: String) throws -> [Float] {
    let layout = layout(name)
    return layout.toGraph(try read(layout))
  }

  /// Writes every parameter among the variables to the device, one after the other, each rounded to its
  /// variable's storage.
  /// - Throws: `InputError` when a file cannot be read, or names every tensor whose values are not
  ///   finite, or not in f16 where they are to be stored so.
  public func load(_ variables: [Variable], into store: any Store) throws {
    var misfits = ParameterMisfits()
    for variable in variables where variable.kind != .state {
      let values = try graphValues(variable.name)
      misfits.check(values, of: variable)
      try store.write(TensorData(variable.type, floats: values), to: variable.name)
    }
    try misfits.throwAny(place)
  }
}
