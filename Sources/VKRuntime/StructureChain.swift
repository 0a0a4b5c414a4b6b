import CVulkan

/// Vulkan structures linked through `pNext`, kept at stable addresses while the chain lives.
///
/// Every structure of the API begins with `sType` and `pNext`; the chain sets the links. The
/// structures are plain C data, so they need no deinitialisation.
final class StructureChain {
  private var structures: [UnsafeMutableRawPointer] = []

  /// The first structure, for a call's `pNext` or as the call's own argument; nil when empty.
  var head: UnsafeMutableRawPointer? { structures.first }

  /// Appends a structure whose `sType` is set, links it behind the previous one, and gives its
  /// place so that it can be filled, or read after the call. Valid as long as the chain.
  @discardableResult
  func append<T: BitwiseCopyable>(_ structure: T) -> UnsafeMutablePointer<T> {
    precondition(MemoryLayout<T>.size >= MemoryLayout<VkBaseOutStructure>.size)
    let place = UnsafeMutablePointer<T>.allocate(capacity: 1)
    place.initialize(to: structure)
    let raw = UnsafeMutableRawPointer(place)
    if let last = structures.last { link(last, to: raw) }
    structures.append(raw)
    return place
  }

  private func link(_ previous: UnsafeMutableRawPointer, to next: UnsafeMutableRawPointer) {
    guard let offset = MemoryLayout<VkBaseOutStructure>.offset(of: \.pNext) else { return }
    previous.storeBytes(of: next, toByteOffset: offset, as: UnsafeMutableRawPointer.self)
  }

  deinit {
    for structure in structures { structure.deallocate() }
  }
}

/// The elements of a fixed-size C array, which Swift sees as a tuple.
func elements<Tuple, Element>(of tuple: Tuple, as type: Element.Type) -> [Element] {
  withUnsafeBytes(of: tuple) { Array($0.bindMemory(to: Element.self)) }
}

/// The text of a fixed-size `char` array.
func text<Tuple>(of tuple: Tuple) -> String {
  withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// Calls `body` with an array of C strings that lives during the call.
func withCStrings<Result, Failure: Error>(
  _ strings: [String],
  _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UInt32) throws(Failure) -> Result
) throws(Failure) -> Result {
  let copies = strings.map { string in
    let bytes = string.utf8CString
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (index, byte) in bytes.enumerated() { (copy + index).initialize(to: byte) }
    return copy
  }
  let pointers = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: copies.count + 1)
  for (index, copy) in copies.enumerated() { (pointers + index).initialize(to: copy) }
  defer {
    pointers.deallocate()
    for copy in copies { copy.deallocate() }
  }
  return try body(pointers, UInt32(copies.count))
}
