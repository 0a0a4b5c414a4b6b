import Graph
import VKRuntime

/// What a driver's compiler says about one variant of a kernel: the figures that decide how many
/// subgroups run at once. Some drivers compile for cards that are not there (Mesa's RADV).
public struct KernelStatistics: Sendable {
  /// Kernel, form, storage and block.
  public var name: String
  /// Registers of a lane, registers of a subgroup, and those that did not fit into the first.
  public var vgprs: Int
  public var sgprs: Int
  public var spilledRegisters: Int
  /// Bytes of a lane's memory outside of registers.
  public var scratchByteCount: Int
  /// Bytes of shared memory of a workgroup.
  public var sharedMemoryByteCount: Int
  public var subgroupsPerSIMD: Int
  /// Cycles of a subgroup, as the compiler estimates them; loops count by a guess.
  public var inverseThroughput: Int

  /// Neither spills nor scratch memory.
  public var isInRegisters: Bool { spilledRegisters == 0 && scratchByteCount == 0 }

  /// A line of a Markdown table, see `tableHead`.
  public var tableRow: String {
    "| \(name) | \(vgprs) | \(sgprs) | \(spilledRegisters) | \(scratchByteCount) "
      + "| \(sharedMemoryByteCount) | \(subgroupsPerSIMD) | \(inverseThroughput) |"
  }

  public static let tableHead = """
    | kernel | VGPRs | SGPRs | spilled | scratch | LDS | subgroups/SIMD | inverse throughput |
    |---|---|---|---|---|---|---|---|
    """

  /// The statistics by Mesa's names, whose capitals differ between versions; 0 where there is none.
  init(name: String, _ statistics: [PipelineStatistic]) {
    let values = Dictionary(
      statistics.map { ($0.name.lowercased(), Int(exactly: $0.value.rounded()) ?? 0) },
      uniquingKeysWith: { first, _ in first })
    func value(_ key: String) -> Int { values[key] ?? 0 }
    self.name = name
    vgprs = value("vgprs")
    sgprs = value("sgprs")
    spilledRegisters = value("spilled vgprs") + value("spilled sgprs")
    scratchByteCount = value("scratch size")
    sharedMemoryByteCount = value("lds size")
    subgroupsPerSIMD = value("subgroups per simd")
    inverseThroughput = value("inverse throughput")
  }
}

extension KernelStatistics {
  /// Compiles the kernels that a GPU chooses from.
  ///
  /// - Throws: `VulkanError` for a pipeline that does not compile, or without statistics.
  public static func gather(on device: Device) throws -> [KernelStatistics] {
    let compiler = ShaderCompiler(
      matrixExtension: device.matrixExtension, cacheFolder: device.cacheFolder)
    let entries = try entries(for: device.limits)
    let binaries = try compiler.compile(
      entries.map { (path: $0.shader.path, defines: $0.shader.defines) })
    let pipelines = try device.makePipelines(
      zip(entries, binaries).map { entry, binary in
        PipelineDescription(
          name: entry.name, spirv: binary, specialization: entry.shader.constants,
          parameterByteCount: 128,
          subgroupSize: entry.shader.subgroupSize ?? device.limits.computeSubgroupSize,
          capturesStatistics: true)
      })
    return try pipelines.map { pipeline in
      let statistics = try pipeline.statistics
      if statistics.isEmpty {
        throw VulkanError(
          .unsupported, call: "vkGetPipelineExecutableStatisticsKHR", object: pipeline.name,
          detail: "the driver gives no statistics")
      }
      return KernelStatistics(name: pipeline.name, statistics)
    }
  }

  /// A kernel of the table.
  struct Entry {
    var name: String
    var shader: ShaderVariant
  }

  private static let blockKernels = [
    ("product", "product/matrix_product_shared.comp", [0, 1, 2, 3]),
    ("convolution", "convolution/convolution_2d_shared.comp", [0, 1]),
    ("input gradient", "convolution/convolution_2d_input_gradient_shared.comp", [0, 2]),
    ("weight gradient", "convolution/convolution_2d_weight_gradient_shared.comp", [0, 3]),
  ]

  /// Every kernel, in the order of the table; operands are f16 where the name says nothing else.
  private static func entries(for limits: DeviceLimits) throws -> [Entry] {
    try blockEntries(for: limits) + attentionEntries(for: limits)
      + attentionMatrixEntries(for: limits)
      + ceilingEntries(for: limits) + caseEntries(for: limits)
  }

  private static func attentionMatrixEntries(for limits: DeviceLimits) -> [Entry] {
    let kernels: [(String, AttentionMatrixTile.Kernel)] = [
      ("attention", .forward), ("attention_query_gradient", .queryGradient),
      ("attention_key_gradient", .keyGradient),
    ]
    return matrixUnits(for: limits).flatMap { units in
      kernels.flatMap { name, kernel in
        [64, 96, 128].compactMap { width in
          let tile = AttentionMatrixTile.largest(
            units, width: width, kernel, sharedMemoryByteCount: limits.sharedMemoryByteCount)
          guard let tile else { return nil }
          let shape = units.shape
          return Entry(
            name: "\(name.replacing("_", with: " ")), width \(width), \(tile.blockRows) rows "
              + "by matrices \(shape.m)x\(shape.n)x\(shape.k) \(shape.operands)",
            shader: tile.variant("attention/\(name)_matrix.comp", q: .f16, k: .f16))
        }
      }
    }
  }

  private static func matrixUnits(for limits: DeviceLimits) -> [BlockTile.MatrixUnits] {
    limits.matrixShapes.filter { $0.sums == .f32 && $0.operands != .f32 }.map {
      BlockTile.MatrixUnits(
        shape: $0, subgroupSize: limits.computeSubgroupSize, subgroupRows: 1, subgroupColumns: 1,
        isAlongK: true)
    }
  }

  /// What measures the ceiling of matrix units.
  private static func ceilingEntries(for limits: DeviceLimits) -> [Entry] {
    matrixUnits(for: limits).map { units in
      let shape = units.shape
      return Entry(
        name: "matrix ceiling, \(shape.m)x\(shape.n)x\(shape.k) \(shape.operands)",
        shader: MatrixMultiplyAdd(units: units, rounds: 1).shader)
    }
  }

  private static func attentionEntries(for limits: DeviceLimits) -> [Entry] {
    ["attention", "attention_query_gradient", "attention_key_gradient"].flatMap { kernel in
      [64, 96, 128].compactMap { width in
        let tile = AttentionTile.standard(width: width)
        guard
          tile.sharedMemoryByteCount(width: width, storageByteCount: 2)
            <= limits.sharedMemoryByteCount
        else { return nil }
        return Entry(
          name: "\(kernel.replacing("_", with: " ")), width \(width), \(tile.blockRows) rows",
          shader: tile.variant("attention/\(kernel)_shared.comp", width: width, q: .f16, k: .f16))
      }
    }
  }

  private static func blockEntries(for limits: DeviceLimits) -> [Entry] {
    let shapes = limits.matrixShapes.filter { $0.sums == .f32 && $0.operands != .f32 }
    let matrixTiles = shapes.flatMap {
      BlockTile.matrixTiles($0, subgroupSize: limits.computeSubgroupSize, isAlongK: true)
    }
    return blockKernels.flatMap { kernel, path, forms in
      forms.flatMap { form in
        (BlockTile.registerTiles + matrixTiles).compactMap { tile in
          let vector = form == 0 ? 1 : 8
          let fits = tile.fits(
            form: form, vector: vector, sharedMemoryByteCount: limits.sharedMemoryByteCount,
            maxThreads: limits.maxGroupInvocations)
          guard fits else { return nil }
          let storage = DType.f16
          let names = ["A", "B", "Y", "BIAS", "RESIDUAL"]
          return Entry(
            name: "\(kernel), form \(form), \(tile)",
            shader: tile.variant(
              path, form: form, vector: vector, isWhole: form != 0,
              storage: Dictionary(uniqueKeysWithValues: names.map { ($0, storage) })))
        }
      }
    }
  }
}

extension DeviceLimits {
  /// Lanes of a subgroup that kernels of many invocations ask for: the smallest where there is a
  /// choice (AMD: 32 of 32 and 64), which leaves most registers to a lane.
  var computeSubgroupSize: Int {
    allowsRequiredSubgroupSize ? max(subgroupSizes.lowerBound, 8) : subgroupSize
  }
}

extension BlockTile: CustomStringConvertible {
  var description: String {
    let block = "\(rows)x\(columns)x\(depth)"
    switch units {
    case .registers(let rows, let columns): return "\(block) by \(rows)x\(columns)"
    case .matrix(let matrix):
      let shape = matrix.shape
      return "\(block) by matrices \(shape.m)x\(shape.n)x\(shape.k) \(shape.operands)"
    }
  }
}
