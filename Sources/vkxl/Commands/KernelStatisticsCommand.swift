import ArgumentParser
import Shaders
import VKRuntime

/// `vkxl kernel-statistics`, for those who write kernels: not in the list of commands.
struct KernelStatisticsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernel-statistics",
    abstract: "Compile the kernels of GPUs and print what the driver's compiler says of them.",
    discussion: """
      A Markdown table. Fails when a kernel does not compile, spills registers or needs scratch \
      memory. With Mesa's RADV no card is needed: RADV_FORCE_FAMILY=navi31, and VK_DRIVER_FILES \
      naming its radeon_icd file. scripts/radv_table.sh does so for every generation.
      """,
    shouldDisplay: false)

  @OptionGroup var device: DeviceOptions

  func run() throws {
    let opened = try Device(DeviceSelector.parse(device.device ?? ""), cacheFolder: nil)
    let kernels = try KernelStatistics.gather(on: opened)
    let information = opened.information
    let lines =
      ["## \(information.name), \(information.driverInfo)", "", KernelStatistics.tableHead]
      + kernels.map(\.tableRow)
    Shell.writeText(lines.joined(separator: "\n") + "\n", to: .standardOutput)
    let failed = kernels.filter { !$0.isInRegisters }
    if !failed.isEmpty {
      throw ValidationError(
        "do not fit into registers: " + failed.map(\.name).joined(separator: "; "))
    }
  }
}
