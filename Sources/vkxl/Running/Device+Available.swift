import VKRuntime

extension Device {
  /// Bytes near the device that this process may expect to get.
  var availableByteCount: UInt64 {
    memoryBudgets?.filter(\.heap.isDeviceLocal).reduce(0) {
      $0 + $1.budgetByteCount - min($1.usedByteCount, $1.budgetByteCount)
    } ?? limits.deviceByteCount
  }
}
