/// `1 picture`, `2 pictures`: a count with its noun, for messages.
///
/// - Parameter noun: in the singular, of those that take an s
public func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)" + (count == 1 ? "" : "s")
}
