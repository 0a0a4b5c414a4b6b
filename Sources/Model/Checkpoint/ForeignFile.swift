import Glibc

/// Recognises, by their first bytes, files that people often give in place of safetensors.
enum ForeignFile {
  static let singleFileHint = "give the single .safetensors file of an SDXL checkpoint"

  /// What `file` is, when it is something else that is known; nil otherwise.
  static func describe(_ file: UnsafeRawBufferPointer) -> (found: String, hint: String)? {
    func begins(_ text: String) -> Bool { file.starts(with: text.utf8) }
    if begins("PK\u{3}\u{4}") || file.starts(with: [0x80, 0x02]) {
      return ("a pickled PyTorch checkpoint (.ckpt, .pt)", "convert it to safetensors first")
    }
    if begins("GGUF") {
      return ("a GGUF file", singleFileHint)
    }
    if begins("version https://git-lfs") {
      return ("a Git LFS pointer, not the file", "run `git lfs pull` or download the file")
    }
    if begins("<!DOCTYPE") || begins("<!doctype") || begins("<html") {
      return ("a web page", "the download was answered with a page: download the file again")
    }
    return nil
  }

  /// What a path that is not a file is.
  static func describeFolder(_ path: String) -> String {
    access(path + "/model_index.json", R_OK) == 0
      ? "a diffusers folder" : "a folder or device"
  }
}
