/// Which device to use: the best, the n-th, or the first whose name contains a text.
public enum DeviceSelector: Equatable, Sendable {
  /// The first usable one: discrete, integrated, virtual, CPU.
  case best
  /// The place in `Device.available()`.
  case index(Int)
  /// Part of the device's, vendor's or driver's name, in any case.
  case name(String)

  /// Reads what a user wrote: empty or `auto` is the best, digits are an index, else a name part.
  public static func parse(_ text: String) -> DeviceSelector {
    let isBlank = { (character: Character) in character.isWhitespace }
    var part = Substring(text).drop(while: isBlank)
    while let last = part.last, isBlank(last) { part.removeLast() }
    if part.isEmpty || part.lowercased() == "auto" { return .best }
    if part.allSatisfy({ $0.isASCII && $0.isNumber }), let index = Int(part) {
      return .index(index)
    }
    return .name(String(part))
  }

  /// The device this names.
  ///
  /// - Parameter devices: in the order of `Device.available()`.
  /// - Throws: `VulkanError` that lists what is there when nothing matches, or that names the
  ///   missing features of the device that does.
  public func choose(from devices: [DeviceInformation]) throws -> DeviceInformation {
    let list = devices.isEmpty ? "none" : devices.map(\.description).joined(separator: "; ")
    func nothing(_ wanted: String) -> VulkanError {
      VulkanError(
        .noDevice, call: "device choice", object: wanted,
        detail: "no such Vulkan device; there is: \(list)")
    }
    let match: DeviceInformation
    switch self {
    case .best:
      guard let first = devices.first(where: { $0.missingFeatures.isEmpty }) ?? devices.first else {
        throw nothing("any")
      }
      match = first
    case .index(let index):
      guard devices.indices.contains(index) else { throw nothing("index \(index)") }
      match = devices[index]
    case .name(let part):
      let wanted = part.lowercased()
      let matches = devices.filter { device in
        // Mesa's CPU driver is known as lavapipe, but calls itself llvmpipe.
        let alias = device.driverName == "llvmpipe" ? "lavapipe" : ""
        return [device.name, device.vendor, device.driverName, alias].contains {
          $0.lowercased().contains(wanted)
        }
      }
      guard let first = matches.first(where: { $0.missingFeatures.isEmpty }) ?? matches.first
      else { throw nothing("name '\(part)'") }
      match = first
    }
    if !match.missingFeatures.isEmpty {
      throw VulkanError(
        .unsupported, call: "device choice", object: match.name,
        detail: "it lacks \(match.missingFeatures.joined(separator: ", "))")
    }
    return match
  }
}
