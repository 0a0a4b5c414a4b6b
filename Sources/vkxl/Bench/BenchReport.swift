import Foundation
import Model
import Shaders
import VKRuntime

/// What was measured, where and when, as a JSON file.
struct BenchReport<Results: Encodable>: Encodable {
  /// For example `bench kernels`.
  var command: String
  var version = Vkxl.version
  var date: String
  var device: BenchDevice
  var results: Results

  init(_ command: String, on backend: VulkanBackend, _ results: Results) {
    self.command = command
    date = Date.now.formatted(.iso8601)
    device = BenchDevice(backend.device.information)
    self.results = results
  }

  /// - Throws: `InputError` when the file cannot be written.
  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let text = String(decoding: try encoder.encode(self), as: UTF8.self)
    try AtomicFile.write(to: path) { try $0.write(text + "\n") }
  }
}

/// The device and driver of a report.
struct BenchDevice: Encodable {
  var name: String
  var kind: String
  var vendor: String
  var driver: String
  var driverInfo: String
  var driverVersion: UInt32
  var vulkan: String
  var memoryBytes: UInt64
  var subgroupSize: Int

  init(_ information: DeviceInformation) {
    name = information.name
    kind = information.kind.rawValue
    vendor = information.vendor
    driver = information.driverName
    driverInfo = information.driverInfo
    driverVersion = information.driverVersion
    vulkan = information.apiVersion
    memoryBytes = information.limits.deviceByteCount
    subgroupSize = information.limits.subgroupSize
  }
}
