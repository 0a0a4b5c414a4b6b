import Glibc
import Graph

/// Writes a file so that its name always holds either the previous contents or the new ones, whole:
/// written beside as `.NAME.partial-PID`, synced, renamed, and the folder synced.
///
/// On any failure the partial file is removed and the previous file is left as it was.
public struct AtomicFile: ~Copyable {
  /// The system's `write`, replaceable so that a full disk can be tested.
  typealias WriteCall = (Int32, UnsafeRawPointer, Int) -> Int

  private let path: String
  private let partialPath: String
  private let descriptor: Int32
  private let writeCall: WriteCall
  private var isFinished = false

  /// Writes the file at `path` with what `body` writes.
  ///
  /// - Throws: `InputError` with the path and the system's reason when it cannot be written, and
  ///   whatever `body` throws
  public static func write<R>(
    to path: String, _ body: (inout AtomicFile) throws -> R
  ) throws -> R {
    try write(to: path, writeCall: { Glibc.write($0, $1, $2) }, body)
  }

  static func write<R>(
    to path: String, writeCall: @escaping WriteCall, _ body: (inout AtomicFile) throws -> R
  ) throws -> R {
    var file = try create(path, writeCall: writeCall)
    let result = try body(&file)
    try file.finish()
    return result
  }

  private init(
    path: String, partialPath: String, descriptor: Int32, writeCall: @escaping WriteCall
  ) {
    self.path = path
    self.partialPath = partialPath
    self.descriptor = descriptor
    self.writeCall = writeCall
  }

  private static func create(_ path: String, writeCall: @escaping WriteCall) throws -> AtomicFile {
    // A link stays a link: what it points to is replaced.
    var target = path
    if let resolved = realpath(path, nil) {
      target = String(cString: resolved)
      free(resolved)
    }
    var status = stat()
    if stat(target, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw InputError(path, expected: "a file to write", found: "a folder or device")
    }
    let name = target.split(separator: "/").last.map(String.init) ?? target
    let partialPath = "\(target.dropLast(name.count)).\(name).partial-\(getpid())"
    unlink(partialPath)
    let descriptor = open(partialPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let reason = systemMessage(errno)
      throw InputError(path, expected: "a place that can be written", found: reason)
    }
    return AtomicFile(
      path: target, partialPath: partialPath, descriptor: descriptor, writeCall: writeCall)
  }

  deinit {
    close(descriptor)
    if !isFinished { unlink(partialPath) }
  }

  /// Appends `bytes`.
  ///
  /// - Throws: `InputError` with the system's reason
  public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard var next = bytes.baseAddress else { return }
    var left = bytes.count
    while left > 0 {
      let written = writeCall(descriptor, next, left)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw failure(errno) }
      next += written
      left -= written
    }
  }

  /// Appends the UTF-8 of `text`.
  ///
  /// - Throws: `InputError` with the system's reason
  public mutating func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  private mutating func finish() throws {
    guard fsync(descriptor) == 0, rename(partialPath, path) == 0 else { throw failure(errno) }
    isFinished = true
    // The rename itself is on disk only once the folder is.
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folderDescriptor >= 0 else { throw failure(errno) }
    defer { close(folderDescriptor) }
    // Some network file systems cannot sync a folder, and say so with EINVAL.
    guard fsync(folderDescriptor) == 0 || errno == EINVAL else { throw failure(errno) }
  }

  private func failure(_ code: Int32) -> InputError {
    InputError(
      path, expected: "a file that can be written to its end", found: systemMessage(code),
      hint: code == ENOSPC || code == EDQUOT
        ? "free some space; what was there before is unchanged" : "")
  }
}
