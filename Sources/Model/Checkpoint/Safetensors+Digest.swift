extension Safetensors {
  /// A digest of the names, shapes, dtypes and bytes of the tensors that begin with a prefix, 32
  /// hexadecimal digits: tells one model from another at the speed of memory. Not cryptographic.
  public func digest(ofTensorsWithPrefix prefix: String) -> String {
    var lanes: [UInt64] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344]
    func mix(_ bytes: UnsafeRawBufferPointer) {
      var (a, b) = (lanes[0], lanes[1])
      var offset = 0
      while offset + 16 <= bytes.count {
        a =
          (a ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
          &* 0x9e37_79b9_7f4a_7c15
        b =
          (b ^ bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
          &* 0xc2b2_ae3d_27d4_eb4f
        a ^= a >> 29
        b ^= b >> 31
        offset += 16
      }
      for index in offset..<bytes.count { a = (a ^ UInt64(bytes[index])) &* 0x100_0000_01b3 }
      lanes = [a ^ (b >> 32), b &+ a]
    }
    for entry in entries where entry.name.hasPrefix(prefix) {
      let header = Array("\(entry.name) \(entry.shape) \(entry.dtype.rawValue)".utf8)
      header.withUnsafeBytes(mix)
      withBytes(of: entry, mix)
      release(entry)
    }
    return lanes.map { lane in
      let digits = String(lane, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
