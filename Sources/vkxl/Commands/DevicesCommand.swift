import ArgumentParser

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
    throw notJoined("devices")
  }
}
