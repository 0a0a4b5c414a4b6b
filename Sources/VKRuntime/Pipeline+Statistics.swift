import CVulkan

/// A figure of the driver's compiler about a pipeline, e.g. registers, spills, instructions.
public struct PipelineStatistic: Sendable, Equatable {
  public var name: String
  /// What it means, in the driver's words.
  public var explanation: String
  public var value: Double
}

extension Pipeline {
  /// What the driver's compiler says (`VK_KHR_pipeline_executable_properties`).
  ///
  /// Empty when the device has no such extension or the description's `capturesStatistics` was off.
  public var statistics: [PipelineStatistic] {
    get throws {
      guard capturesStatistics,
        let function = vkGetDeviceProcAddr(
          device.handle, "vkGetPipelineExecutableStatisticsKHR")
      else { return [] }
      let query = unsafeBitCast(function, to: PFN_vkGetPipelineExecutableStatisticsKHR.self)
      var info = VkPipelineExecutableInfoKHR()
      info.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR
      info.pipeline = handle
      // A compute pipeline is one executable.
      info.executableIndex = 0
      let call = "vkGetPipelineExecutableStatisticsKHR"
      var count: UInt32 = 0
      try check(query(device.handle, &info, &count, nil), call, object: name)
      var blank = VkPipelineExecutableStatisticKHR()
      blank.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR
      var found = [VkPipelineExecutableStatisticKHR](repeating: blank, count: Int(count))
      try check(query(device.handle, &info, &count, &found), call, object: name)
      return found.prefix(Int(count)).map { statistic in
        PipelineStatistic(
          name: text(of: statistic.name), explanation: text(of: statistic.description),
          value: Self.number(statistic))
      }
    }
  }

  private static func number(_ statistic: VkPipelineExecutableStatisticKHR) -> Double {
    switch statistic.format {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR: Double(statistic.value.b32)
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR: Double(statistic.value.i64)
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR: Double(statistic.value.u64)
    default: statistic.value.f64
    }
  }
}
