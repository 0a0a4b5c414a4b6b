import Foundation
import Testing

@testable import VKRuntime

@Suite struct CacheFolderTests {
  @Test func followsTheEnvironment() {
    let all = ["VKXL_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"]
    #expect(CacheFolder.standard(environment: all)?.path == "/a")
    #expect(CacheFolder.standard(environment: ["XDG_CACHE_HOME": "/b"])?.path == "/b/vkxl")
    #expect(
      CacheFolder.standard(environment: ["XDG_CACHE_HOME": "", "HOME": "/c"])?.path
        == "/c/.cache/vkxl")
    #expect(CacheFolder.standard(environment: [:]) == nil)
  }

  @Test func readsBackWholeFilesOnly() throws {
    let folder = CacheFolder(path: temporaryFolder("cache"))
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    let payload = (0..<1000).map { UInt8($0 % 251) }
    #expect(folder.read("sub/file.bin") == nil)
    #expect(folder.write(payload, as: "sub/file.bin"))
    #expect(folder.read("sub/file.bin") == payload)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path + "/sub") == ["file.bin"])
    let file = URL(fileURLWithPath: folder.path + "/sub/file.bin")
    let whole = try Data(contentsOf: file)
    for count in [0, 7, 23, 24, 500, whole.count - 1] {
      try whole.prefix(count).write(to: file)
      #expect(folder.read("sub/file.bin") == nil)
    }
    var damaged = whole
    damaged[600] ^= 16
    try damaged.write(to: file)
    #expect(folder.read("sub/file.bin") == nil)
  }

  @Test func saysThatItCouldNotWrite() throws {
    let folder = CacheFolder(path: "/proc/vkxl")
    #expect(!folder.write([1], as: "file"))
  }

  // Values by a Python transcription of the definition (prime 2^88 + 0x13b).
  @Test(arguments: [
    ("", "6c62272e07bb014262b821756295c58d"), ("a", "d228cb696f1a8caf78912b704e4a8964"),
    ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
  ])
  func hashesAsDefined(text: String, digest: String) {
    #expect(ContentHash(of: text.utf8).description == digest)
  }

  @Test func keepsNeighbouringTextsApart() {
    func hash(_ texts: String...) -> ContentHash {
      texts.reduce(into: ContentHash()) { $0.append($1) }
    }
    #expect(hash("ab", "c") != hash("a", "bc"))
    #expect(hash("ab", "c") == hash("ab", "c"))
  }
}
