import Foundation
import Synchronization

/// The stream that progress and messages go to, or a stand-in for tests.
struct Terminal: Sendable {
  /// Whether lines can be redrawn.
  var isInteractive: Bool
  /// Whether block characters can be shown.
  var showsUnicode: Bool
  /// Columns, asked again at each drawing because windows change.
  var width: @Sendable () -> Int
  /// Monotonic seconds.
  var now: @Sendable () -> Double
  var write: @Sendable (String) -> Void

  /// Standard error.
  static let standardError = Terminal(
    isInteractive: isatty(STDERR_FILENO) == 1
      && ProcessInfo.processInfo.environment["TERM"] != "dumb",
    showsUnicode: localeIsUTF8(ProcessInfo.processInfo.environment),
    width: { columns(of: STDERR_FILENO) },
    now: { ProcessInfo.processInfo.systemUptime },
    write: { Shell.writeText($0, to: .standardError) })

  /// The first of LC_ALL, LC_CTYPE and LANG that is set decides.
  static func localeIsUTF8(_ environment: [String: String]) -> Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty }
    let name = locale?.lowercased() ?? ""
    return name.contains("utf-8") || name.contains("utf8")
  }

  private static func columns(of descriptor: Int32) -> Int {
    var size = winsize()
    let status = ioctl(descriptor, UInt(TIOCGWINSZ), &size)
    return status == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }
}
