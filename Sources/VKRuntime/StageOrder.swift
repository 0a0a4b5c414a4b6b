import CVulkan

/// Kinds of commands that a stream has.
struct Stages: OptionSet, Sendable {
  let rawValue: Int

  /// Dispatches.
  static let compute = Stages(rawValue: 1)
  /// Copies, writes and fills.
  static let transfer = Stages(rawValue: 2)
  static let all: Stages = [.compute, .transfer]

  var flags: VkPipelineStageFlags2 {
    (contains(.compute) ? VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT : 0)
      | (contains(.transfer) ? VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT : 0)
  }

  /// What such commands write.
  var writes: VkAccessFlags2 {
    (contains(.compute) ? VK_ACCESS_2_SHADER_WRITE_BIT : 0)
      | (contains(.transfer) ? VK_ACCESS_2_TRANSFER_WRITE_BIT : 0)
  }

  /// What they read and write.
  var accesses: VkAccessFlags2 {
    writes | (contains(.compute) ? VK_ACCESS_2_SHADER_READ_BIT : 0)
      | (contains(.transfer) ? VK_ACCESS_2_TRANSFER_READ_BIT : 0)
  }
}

/// Which barriers a stream needs so that what comes after `barrier()` waits for all before it, each between
/// no more kinds of commands than take part: drivers do less for one between dispatches alone.
///
/// A barrier is recorded before the first command of a kind after `barrier()`. What lies further back is
/// waited for through the commands in between.
struct StageOrder {
  /// Kinds of commands before the last `barrier()`, back to the one before it.
  private var before = Stages.all
  /// Kinds since.
  private var since: Stages = []
  /// Kinds that wait for those before already.
  private var ordered = Stages.all

  mutating func barrier() {
    if !since.isEmpty { before = since }
    (since, ordered) = ([], [])
  }

  /// What the next command, of one kind, has to wait for; nil when it does already.
  mutating func sources(before stage: Stages) -> Stages? {
    since.insert(stage)
    if ordered.contains(stage) { return nil }
    ordered.insert(stage)
    return before
  }
}
