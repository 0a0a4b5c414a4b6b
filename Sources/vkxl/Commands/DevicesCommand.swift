import ArgumentParser
import VKRuntime

/// `vkxl devices`
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "List the Vulkan devices that can be computed on.",
    discussion: """
      One line a device, the one used by default first: index, name, kind (discrete, integrated, \
      CPU), memory, driver; or why a device cannot be used. The index or part of the name is what \
      --device and the configuration's device.name take.
      """)

  @OptionGroup var log: LogOptions

  func run() throws {
    let lines = try Device.available().map(line)
    Shell.writeText(lines.joined(separator: "\n") + "\n", to: .standardOutput)
  }

  private func line(_ device: DeviceInformation) -> String {
    let memory = readableByteCount(device.limits.deviceByteCount)
    let missing = device.missingFeatures
    let use = missing.isEmpty ? "" : "  (cannot be used: lacks \(missing.joined(separator: ", ")))"
    return "\(device.index)  \(device.name)  \(device.kind.rawValue)  \(memory)  "
      + "\(device.driverName) \(device.driverInfo)\(use)"
  }
}
