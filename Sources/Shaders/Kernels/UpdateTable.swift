import Graph

/// Tensors that one launch goes over, wherever they lie: the table of `optimizer/tensors.glsl`.
struct UpdateTable {
  /// One tensor with its addresses.
  struct Entry {
    /// Elements.
    var count: Int
    /// Position among all trained parameters.
    var index: Int
    /// Whatever the kernel needs.
    var size = 0
    /// Workgroups.
    var groups: Int
    /// By role.
    var addresses: [UInt64]
  }

  let entries: [Entry]

  /// Elements that a workgroup updates.
  static let chunk = 2048

  static func chunks(_ elements: Int) -> Int { (elements + chunk - 1) / chunk }

  /// Bytes of a table, rounded so that another may follow.
  static func byteCount(tensors: Int, roles: Int) -> Int {
    scratchByteCount(tensors * 8 * (2 + roles))
  }

  /// 64-bit words of an entry.
  var entryWords: Int { 2 + (entries.first?.addresses.count ?? 0) }

  /// Workgroups of all tensors.
  var groups: Int { entries.reduce(0) { $0 + $1.groups } }

  var bytes: [UInt8] {
    var words: [UInt64] = []
    words.reserveCapacity(entries.count * entryWords)
    var first = 0
    for entry in entries {
      words.append(UInt64(first) | UInt64(entry.count) << 32)
      words.append(UInt64(entry.index) | UInt64(entry.size) << 32)
      words += entry.addresses
      first += entry.groups
    }
    return words.withUnsafeBytes(Array.init)
  }
}

/// Tensors of an update whose roles are stored alike: one launch's.
struct UpdateGroup {
  /// Storage of weight, gradient and states.
  let dtypes: [DType]
  /// Positions in the operation.
  var tensors: [Int]

  /// - Parameter roles: tensors of each role, in the operation's order
  static func groups(_ roles: [[TensorType]]) -> [UpdateGroup] {
    var groups: [UpdateGroup] = []
    for tensor in roles.first?.indices ?? 0..<0 {
      let dtypes = roles.map { $0[tensor].dtype }
      if let group = groups.firstIndex(where: { $0.dtypes == dtypes }) {
        groups[group].tensors.append(tensor)
      } else {
        groups.append(UpdateGroup(dtypes: dtypes, tensors: [tensor]))
      }
    }
    return groups
  }
}

/// The tensors of an update by role: weight, gradient, then states; outputs are weight and states
/// unless said otherwise.
struct UpdateRoles {
  let tensors: UpdatedTensors
  /// Weight, gradient and states.
  let count: Int
  /// Weight and states.
  let outputCount: Int

  init(tensors: UpdatedTensors, count: Int, outputCount: Int? = nil) {
    self.tensors = tensors
    self.count = count
    self.outputCount = outputCount ?? count - 1
  }

  /// Roles of inputs and outputs together, as a table's entry lists them.
  var addressCount: Int { count + outputCount }

  func groups(_ inputs: [TensorType]) -> [UpdateGroup] {
    let n = tensors.count
    return UpdateGroup.groups(
      (0..<count).map { Array(inputs[(3 + $0 * n)..<(3 + ($0 + 1) * n)]) })
  }

  /// Tables of all groups.
  func tableByteCount(_ inputs: [TensorType]) -> Int {
    groups(inputs).reduce(0) {
      $0 + UpdateTable.byteCount(tensors: $1.tensors.count, roles: addressCount)
    }
  }

  /// Addresses of one tensor: inputs by role, then outputs by role.
  func addresses(_ context: LoweringContext, _ tensor: Int) -> [UInt64] {
    let n = tensors.count
    return (0..<count).map { context.inputs[3 + $0 * n + tensor].address }
      + (0..<outputCount).map { context.outputs[$0 * n + tensor].address }
  }

  /// The table of a group whose tensors are updated chunk by chunk.
  func chunkTable(_ context: LoweringContext, _ group: UpdateGroup) -> UpdateTable {
    UpdateTable(
      entries: group.tensors.map { tensor in
        let elements = context.inputs[3 + tensor].type.elementCount
        return UpdateTable.Entry(
          count: elements, index: tensors.indices[tensor], groups: UpdateTable.chunks(elements),
          addresses: addresses(context, tensor))
      })
  }
}

extension ElementwiseUpdate {
  private var roles: UpdateRoles { UpdateRoles(tensors: tensors, count: 2 + Self.stateCount) }

  /// Tables of all launches.
  func tableByteCount(_ inputs: [TensorType]) -> Int { roles.tableByteCount(inputs) }

  /// A launch for all tensors that are stored alike.
  func updateLaunches<Parameters: BitwiseCopyable>(
    _ path: String, _ context: LoweringContext,
    parameters: (_ table: UInt64, _ layout: UpdateTable) -> Parameters
  ) -> [Launch] {
    var offset = 0
    return roles.groups(context.inputs.map(\.type)).map { group in
      let table = roles.chunkTable(context, group)
      var storage = ["P": group.dtypes[0], "G": group.dtypes[1]]
      for state in 0..<Self.stateCount { storage["S\(state)"] = group.dtypes[2 + state] }
      var launch = context.grouped(
        path, groups: table.groups, values: .pairs, storage: storage,
        parameters: parameters(context.workspace + UInt64(offset), table))
      launch.table = WorkspaceTable(offset: offset, bytes: table.bytes)
      offset += UpdateTable.byteCount(
        tensors: group.tensors.count, roles: roles.addressCount)
      return launch
    }
  }
}

extension UpdatedTensors {
  var seedLow: UInt32 { UInt32(truncatingIfNeeded: seed) }
  var seedHigh: UInt32 { UInt32(truncatingIfNeeded: seed >> 32) }
}
