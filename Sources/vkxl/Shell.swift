import ArgumentParser
import Foundation
import Graph

/// Runs one command line and turns whatever happens into text and an exit status.
///
/// Status 0: done. 1: a mistake in the input or a failure, told as `error: ...` on standard error.
/// 64: bad usage (unknown option, missing argument), told with the usage line.
enum Shell {
  static func run(
    _ arguments: [String],
    standardOutput: @Sendable (String) -> Void = { writeText($0, to: .standardOutput) },
    standardError: @Sendable (String) -> Void = { writeText($0, to: .standardError) }
  ) async -> Int32 {
    let report = await report(arguments)
    (report.status == 0 ? standardOutput : standardError)(report.text)
    return report.status
  }

  private static func report(_ arguments: [String]) async -> ErrorReport {
    var command: any ParsableCommand
    do {
      command = try Vkxl.parseAsRoot(arguments)
    } catch {
      return ErrorReport(parsing: error)
    }
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      return ErrorReport(text: "", status: 0)
    } catch {
      return ErrorReport(error)
    }
  }

  /// Writes to a stream, past any buffer; a closed stream is not an error worth a crash.
  static func writeText(_ text: String, to handle: FileHandle) {
    guard !text.isEmpty else { return }
    try? handle.write(contentsOf: Data(text.utf8))
  }
}

/// What is printed about an error, and the exit status it means.
struct ErrorReport: Equatable {
  /// Ends with a newline unless empty.
  var text: String
  var status: Int32

  /// An error of a command that was running.
  init(_ error: any Error) {
    switch error {
    case let errors as InputErrors:
      self.init(text: errors.errors.map { "error: \($0)\n" }.joined(), status: 1)
    case let error as InputError:
      self.init(text: "error: \(error)\n", status: 1)
    case is CleanExit, is ExitCode, is ValidationError:
      self.init(parsing: error)
    case _ where Vkxl.exitCode(for: error) == .success:
      self.init(parsing: error)  // a subcommand's --help, of a type that is not public
    default:
      self.init(text: "error: \(Self.plainText(error))\n", status: 1)
    }
  }

  /// What ArgumentParser threw: a request for help, or bad usage.
  init(parsing error: any Error) {
    let message = Vkxl.fullMessage(for: error)
      .replacing("Error: ", with: "error: ", maxReplacements: 1)
    self.init(
      text: message.isEmpty ? "" : message + "\n", status: Vkxl.exitCode(for: error).rawValue)
  }

  init(text: String, status: Int32) {
    self.text = text
    self.status = status
  }

  /// A system error's sentence, or the error's own description.
  private static func plainText(_ error: any Error) -> String {
    if let error = error as? CocoaError {
      let file = error.filePath.map { "\($0): " } ?? ""
      let reason = (error.underlying as? any LocalizedError)?.errorDescription
      return file + (reason ?? error.localizedDescription)
    }
    return (error as? any LocalizedError)?.errorDescription ?? "\(error)"
  }
}
