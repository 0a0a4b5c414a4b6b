import FoundationEssentials
import VKRuntime

extension Device {
  /// Bytes near the device that this process may expect to get: for a CPU those that the machine has to
  /// spare, because lavapipe may tell of 2 GiB whatever there is.
  var availableByteCount: UInt64 {
    if information.kind == .cpu, let byteCount = Self.hostAvailableByteCount() { return byteCount }
    return memoryBudgets?.filter(\.heap.isDeviceLocal).reduce(0) {
      $0 + $1.budgetByteCount - min($1.usedByteCount, $1.budgetByteCount)
    } ?? limits.deviceByteCount
  }

  /// `MemAvailable` of proc(5): free memory and what the page cache can give back; nil where the system
  /// does not tell.
  private static func hostAvailableByteCount() -> UInt64? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else {
      return nil
    }
    return hostAvailableByteCount(meminfo: text)
  }

  /// From the text of `/proc/meminfo`.
  static func hostAvailableByteCount(meminfo: String) -> UInt64? {
    for line in meminfo.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      let words = line.split(separator: " ")
      return words.count > 1 ? UInt64(words[1]).map { $0 << 10 } : nil
    }
    return nil
  }
}
