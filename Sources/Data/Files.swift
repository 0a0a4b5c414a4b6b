import Glibc
import Graph
import Model

/// Reading and writing whole files, with errors that name the file and the system's reason.
public enum Files {
  /// The whole of a file.
  ///
  /// - Throws: `InputError` if it cannot be opened or read.
  static func read(_ path: String) throws -> [UInt8] {
    let descriptor = try opened(path)
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, "a readable file") }
    return try read(descriptor, upTo: Int(status.st_size), path)
  }

  /// The first `count` bytes of a file, fewer if it is shorter.
  static func head(_ path: String, count: Int) throws -> [UInt8] {
    let descriptor = try opened(path)
    defer { close(descriptor) }
    return try read(descriptor, upTo: count, path)
  }

  /// Writes a file whole or not at all, as `AtomicFile`.
  ///
  /// - Throws: `InputError` if it cannot be written; nothing is left behind then.
  static func writeAtomically(_ bytes: [UInt8], to path: String) throws {
    try AtomicFile.write(to: path) { file in try bytes.withUnsafeBytes { try file.write($0) } }
  }

  /// Makes a folder and those above it; one that exists is fine.
  ///
  /// - Throws: `InputError` with the system's reason, or when a file of that name is in the way.
  public static func makeFolder(_ path: String) throws {
    if mkdir(path, 0o755) == 0 { return }
    if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      try makeFolder(String(path[..<slash]))
      if mkdir(path, 0o755) == 0 { return }
    }
    let code = errno
    var status = stat()
    guard code == EEXIST, stat(path, &status) == 0 else {
      throw failure(
        path, "a folder that can be made", code, hint: "name one inside a folder of yours")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw InputError(
        path, expected: "a folder", found: "a file", hint: "move the file, or name another folder")
    }
  }

  /// Removes the folder at `path` if nothing is in it: what a run leaves that fails before it begins.
  public static func removeFolderIfEmpty(_ path: String) { rmdir(path) }

  private static func opened(_ path: String) throws -> Int32 {
    // Without O_NONBLOCK a named pipe in a data folder would be waited for.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(path, "a readable file") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw InputError(path, expected: "a readable file", found: "something that is not a file")
    }
    return descriptor
  }

  private static func read(_ descriptor: Int32, upTo count: Int, _ path: String) throws -> [UInt8] {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        guard let base = buffer.baseAddress else { break }
        let got = Glibc.read(descriptor, base + filled, count - filled)
        if got < 0 && errno == EINTR { continue }
        failed = got < 0
        if got <= 0 { break }
        filled += got
      }
    }
    if failed { throw failure(path, "a readable file") }
    return bytes
  }

  static func failure(
    _ path: String, _ expected: String, _ code: Int32 = errno, hint: String = ""
  ) -> InputError {
    InputError(
      path, expected: expected, found: String(cString: strerror(code)),
      hint: code == ENOSPC || code == EDQUOT ? "free some space, or name a folder elsewhere" : hint)
  }
}
