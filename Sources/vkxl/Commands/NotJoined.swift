import Graph

/// The error of a command whose library part is not linked into this build.
func notJoined(_ command: String) -> InputError {
  InputError(
    "vkxl \(command)", expected: "a build with its library part",
    found: "a build of the command line alone")
}
