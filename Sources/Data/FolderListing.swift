import FoundationEssentials
import Glibc
import Graph

/// The files under a folder, in an order that no file system or language setting changes.
struct FolderListing {
  struct File: Equatable {
    /// Path below the listed folder.
    var name: String
    /// The number before the first underscore of the innermost folder below the root
    /// that has one; else 1.
    var repeats: Int
  }

  /// Sorted by the bytes of the name.
  private(set) var files: [File] = []
  private let root: String

  /// Lists `root` and the folders in it; names that begin with a dot are left out, and a folder that
  /// a link reaches again is listed once.
  ///
  /// - Throws: `InputError` if it, or a folder in it, cannot be listed.
  init(_ root: String) throws {
    self.root = root
    var visited: Set<[UInt64]> = []
    try visit("", repeats: 1, &visited)
    files.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  private mutating func visit(
    _ folder: String, repeats: Int, _ visited: inout Set<[UInt64]>
  ) throws {
    let path = folder.isEmpty ? root : "\(root)/\(folder)"
    var status = stat()
    guard stat(path, &status) == 0 else { throw Files.failure(path, "a folder of pictures") }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw InputError(path, expected: "a folder of pictures", found: "a file")
    }
    guard visited.insert([UInt64(status.st_dev), UInt64(status.st_ino)]).inserted else { return }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw InputError(path, expected: "a readable folder", found: "\(error)")
    }
    // Sorted here too, so that of two ways to one folder the same is always taken.
    for name in names.sorted() where !name.hasPrefix(".") {
      let relative = folder.isEmpty ? name : "\(folder)/\(name)"
      guard stat("\(root)/\(relative)", &status) == 0 else {
        files.append(File(name: relative, repeats: repeats))  // a dangling link: named when read
        continue
      }
      if status.st_mode & S_IFMT == S_IFDIR {
        try visit(relative, repeats: Self.repeats(of: name) ?? repeats, &visited)
      } else {
        files.append(File(name: relative, repeats: repeats))
      }
    }
  }

  /// 10 for `10_name`; nil for names without that form.
  static func repeats(of folder: String) -> Int? {
    guard let underscore = folder.firstIndex(of: "_") else { return nil }
    let digits = folder[..<underscore]
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
    return Int(digits)
  }
}

/// A file's path in parts.
enum FilePath {
  /// The folder that `name` lies in, "" if none, without a slash at its end.
  static func folder(of name: String) -> String {
    name.lastIndex(of: "/").map { String(name[..<$0]) } ?? ""
  }

  /// `name` without its extension.
  static func stem(of name: String) -> String {
    let start = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
    guard let dot = name[start...].lastIndex(of: "."), dot > start else { return name }
    return String(name[..<dot])
  }

  /// The extension in lower case, without the dot; "" if none.
  static func pathExtension(of name: String) -> String {
    String(name.dropFirst(stem(of: name).count).dropFirst()).lowercased()
  }

  static func joined(_ folder: String, _ name: String) -> String {
    folder.isEmpty ? name : "\(folder)/\(name)"
  }
}
