import Graph
import Model

/// Parameters of a checkpoint that cannot be computed with, gathered so that all are told at once.
struct ParameterMisfits {
  /// Tensors with values that are NaN or infinite.
  private var notFinite: [(name: String, count: Int)] = []
  /// Tensors with values that f16 cannot hold.
  private var tooLarge: [(name: String, largest: Float)] = []

  mutating func add(_ faults: ValueFaults, of name: String) {
    if faults.notFiniteCount > 0 {
      notFinite.append((name, faults.notFiniteCount))
    } else if faults.tooLarge > 0 {
      tooLarge.append((name, faults.tooLarge))
    }
  }

  /// - Throws: `InputError` that names the tensors.
  func throwAny(_ place: String) throws {
    if !notFinite.isEmpty {
      throw InputError(
        place, expected: "weights that are finite",
        found: Self.list(notFinite.map { "\($0.count) values of \($0.name) that are not" }),
        hint: "the training that made the file diverged, or it is damaged: use another")
    }
    if !tooLarge.isEmpty {
      throw InputError(
        place, expected: "weights below 65520, to be stored in f16",
        found: Self.list(tooLarge.map { "\($0.largest) in \($0.name)" }),
        hint: "use precision bf16 or f32")
    }
  }

  private static func list(_ items: [String]) -> String {
    let more = items.count > 8 ? " and more in \(items.count - 8) other tensors" : ""
    return items.prefix(8).joined(separator: ", ") + more
  }
}
