import Graph
import Model

/// Where the values of parameters come from, by single-file name, in the file's layout.
public struct ParameterReader: Sendable {
  private let layouts: [String: ParameterLayout]
  private let source: Source

  private enum Source: Sendable {
    case file(Safetensors)
    /// The weights of `vkxl init`, of a seed.
    case synthetic(seed: UInt64)
  }

  /// Reads from a checkpoint whose tensors have been validated against the manifest.
  public init(_ file: Safetensors, manifest: [ManifestEntry]) {
    self.init(.file(file), manifest)
  }

  /// Makes the synthetic weights of `vkxl init`, rounded to f16 as that file holds them.
  public init(synthetic manifest: [ManifestEntry], seed: UInt64 = 0) {
    self.init(.synthetic(seed: seed), manifest)
  }

  private init(_ source: Source, _ manifest: [ManifestEntry]) {
    self.source = source
    layouts = Dictionary(uniqueKeysWithValues: manifest.map { ($0.name, $0.layout) })
  }

  /// The layout of a parameter.
  /// - Precondition: the manifest names it.
  public func layout(_ name: String) -> ParameterLayout {
    guard let layout = layouts[name] else { preconditionFailure("no parameter \(name)") }
    return layout
  }

  /// Writes every parameter among the variables to the device, one after the other in the order of the
  /// file, each rounded to its variable's storage: from the mapped file to where the device or its
  /// staging takes it, without a copy between.
  /// - Throws: `InputError` when a file cannot be read, or names every tensor whose values are not
  ///   finite, or not in f16 where they are to be stored so.
  public func load(_ variables: [Variable], into store: any Store) throws {
    let parameters = variables.filter { $0.kind != .state }
    switch source {
    case .file(let file): try load(parameters, of: file, into: store)
    case .synthetic(let seed):
      for variable in parameters {
        let layout = layout(variable.name)
        let values = SyntheticTensors.weight(layout.name, shape: layout.fileShape, seed: seed)
        let transfer = ParameterTransfer(layout, from: .f32, to: variable.type.dtype)
        _ = try values.withUnsafeBytes { try Self.write($0, transfer, to: store) }
      }
    }
  }

  /// Reads every parameter among the variables, and keeps nothing.
  /// - Throws: `InputError` as `load` does
  public func check(_ variables: [Variable]) throws {
    guard case .file(let file) = source else { return }
    try forEach(variables.filter { $0.kind != .state }, of: file) { $1.faults(of: $0) }
  }

  private func load(
    _ parameters: [Variable], of file: Safetensors, into store: any Store
  ) throws {
    try forEach(parameters, of: file) { try Self.write($0, $1, to: store) }
  }

  /// In the order of the file.
  /// - Throws: `InputError` naming what cannot be stored, and what `body` throws
  private func forEach(
    _ parameters: [Variable], of file: Safetensors,
    _ body: (UnsafeRawBufferPointer, ParameterTransfer) throws -> ValueFaults
  ) throws {
    var misfits = ParameterMisfits()
    let entries = try parameters.map { (variable: $0, entry: try file.entry($0.name)) }
      .sorted { $0.entry.byteRange.lowerBound < $1.entry.byteRange.lowerBound }
    var ahead = ReadAhead(file, entries.map(\.entry))
    for (variable, entry) in entries {
      guard entry.dtype.isFloatingPoint else {
        throw InputError(
          "\(file.path): \(entry.name)", expected: "dtype F64, F32, F16 or BF16",
          found: entry.dtype.rawValue)
      }
      ahead.read(entry)
      let transfer = ParameterTransfer(
        layout(variable.name), from: entry.dtype, to: variable.type.dtype)
      let faults = try file.withBytes(of: entry) { try body($0, transfer) }
      misfits.add(faults, of: variable.name)
      file.release(entry)
    }
    try misfits.throwAny(file.path)
  }

  private static func write(
    _ bytes: UnsafeRawBufferPointer, _ transfer: ParameterTransfer, to store: any Store
  ) throws -> ValueFaults {
    var faults = ValueFaults()
    let size = transfer.storage.byteCount
    try store.write(to: transfer.layout.name) { range, target in
      let elements = range.lowerBound / size..<range.upperBound / size
      faults.add(transfer.load(elements, from: bytes, into: target))
    }
    return faults
  }
}
