import ArgumentParser
import Foundation
import Shaders
import VKRuntime

/// `vkxl verify`
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every kernel that a device can run against its meaning.",
    discussion: """
      Each operation, forward and gradient, in every storage and by every kernel there is for it, at \
      awkward shapes, is compared with the same computed in double precision on the CPU, and run \
      twice, which must agree to the bit. `error` is the largest one in units of its limit. Exit \
      status 1 if any kernel fails. Send the table along when you report wrong pictures, and where it \
      never ends the last lines with --verbose.

      Examples:
        vkxl verify
        vkxl verify --device radeon --filter attention
      """)

  @Option(help: ArgumentHelp("Check operations with this in their names.", valueName: "text"))
  var filter: String?

  @OptionGroup var device: DeviceOptions
  @OptionGroup var log: LogOptions

  /// Compiling takes most of the time. On a CPU more would wait for each other's kernels, which take all
  /// cores.
  private static func threads(_ kind: DeviceKind) -> Int {
    kind == .cpu ? 2 : min(8, ProcessInfo.processInfo.activeProcessorCount)
  }

  func run() throws {
    // A quarter of lavapipe's time to compile.
    Device.keepFreedMemory()
    let backend = try Opening.backend(device.device, validate: device.validate)
    // Validation layers of 2023 look devices up in a table that they do not lock.
    let threads =
      backend.device.isValidating ? 1 : Self.threads(backend.device.information.kind)
    let others = try (1..<threads).map { _ in
      try Opening.backend(device.device, validate: device.validate)
    }
    let verification = KernelVerification([backend] + others, filter: filter)
    guard verification.caseCount > 0 else {
      throw ValidationError("no operation has `\(filter ?? "")` in its name")
    }
    Shell.writeText("device: \(backend.description)\n", to: .standardOutput)
    let isVerbose = log.verbose
    let rows = try verification.run { check, variant in
      // What hangs or crashes a driver is among the last that are told, one for each thread.
      if isVerbose { Shell.writeText("\r\(check) by \(variant)\n", to: .standardError) }
    } progress: { count in
      guard Terminal.standardError.isInteractive else { return }
      Shell.writeText("\r\(count) of \(verification.caseCount) cases", to: .standardError)
    }
    if Terminal.standardError.isInteractive { Shell.writeText("\r\u{1b}[K", to: .standardError) }
    var table = TextTable(columns: ["operation", "storage", "kernel", "cases", "error", ""])
    for row in rows {
      table.add([
        row.operation, row.storage, row.variant, String(row.caseCount),
        readable(row.worst), row.failure == nil ? "ok" : "FAILED",
      ])
    }
    Shell.writeText(table.text, to: .standardOutput)
    let failures = rows.compactMap { row in
      row.failure.map { "\(row.operation), \(row.variant): \($0)\n" }
    }
    Shell.writeText(failures.joined(), to: .standardError)
    let caseCount = rows.reduce(0) { $0 + $1.caseCount }
    let verdict = failures.isEmpty ? "all right" : "\(failures.count) kernels FAILED"
    Shell.writeText("\(rows.count) kernels, \(caseCount) checks: \(verdict)\n", to: .standardOutput)
    if !failures.isEmpty { throw ExitCode(1) }
  }

  private func readable(_ value: Double) -> String {
    let rounded = (value * 1000).rounded() / 1000
    return value.isFinite ? String(rounded) : "not finite"
  }
}
