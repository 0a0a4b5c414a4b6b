import Foundation
import Testing

/// The kernels of GPUs, compiled for AMD's generations by Mesa's RADV, which needs no card for that:
/// every one must compile, without spilled registers or scratch memory. In a process of its own, because
/// the driver reads what to pretend from the environment when it is loaded.
@Suite struct RADVTests {
  /// The driver's manifest: the one that VKXL_RADV_DRIVER names, or an installed one.
  private static let driver: String? = {
    if let named = ProcessInfo.processInfo.environment["VKXL_RADV_DRIVER"] { return named }
    let folder = "/usr/share/vulkan/icd.d"
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.sorted().first { $0.hasPrefix("radeon_icd") }.map { "\(folder)/\($0)" }
  }()

  /// Names of a generation in newer and older versions of Mesa.
  @Test(
    .enabled(
      if: driver != nil,
      "Mesa's RADV is not installed (Debian, Ubuntu: package mesa-vulkan-drivers)"),
    arguments: [["navi21"], ["navi31", "gfx1100"], ["gfx1201"]])
  func kernelsFitIntoRegisters(names: [String]) throws {
    let driver = try #require(Self.driver)
    for name in names {
      let result = try statistics(family: name, driver: driver)
      // A version of Mesa that does not know the generation says so, and ends the process.
      if result.errors.contains("Unknown family") { continue }
      #expect(result.status == 0, "\(name): \(result.errors)")
      #expect(result.table.contains("| product, form 1, 128x128x16 by 8x8 |"), "\(name)")
      // From Mesa 23.2 on, RDNA3 offers its matrix units.
      if name == "navi31" {
        #expect(result.table.contains("| product, form 1, 128x128x32 by matrices 16x16x16 f16 |"))
      }
      return
    }
    print("RADVTests: \(driver) does not know \(names.joined(separator: ", ")); nothing compiled")
  }

  private func statistics(
    family: String, driver: String
  ) throws -> (status: Int32, table: String, errors: String) {
    let process = Process()
    // The program that is tested is built beside the tests.
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
      .deletingLastPathComponent().appendingPathComponent("vkxl")
    process.arguments = ["kernel-statistics"]
    var environment = ProcessInfo.processInfo.environment
    environment["RADV_FORCE_FAMILY"] = family
    // Older loaders know the other name.
    environment["VK_DRIVER_FILES"] = driver
    environment["VK_ICD_FILENAMES"] = driver
    environment["VKXL_VALIDATE"] = "0"
    environment["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = environment
    let output = Pipe()
    let errors = FileManager.default.temporaryDirectory
      .appendingPathComponent("vkxl-radv-\(UUID().uuidString).txt")
    try Data().write(to: errors)
    defer { try? FileManager.default.removeItem(at: errors) }
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    let table = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (
      process.terminationStatus, String(decoding: table, as: UTF8.self),
      String(decoding: try Data(contentsOf: errors), as: UTF8.self)
    )
  }
}
