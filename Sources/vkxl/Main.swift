import Foundation

/// Where the program starts; everything it does is in `Shell`.
@main struct Main {
  static func main() async {
    exit(await Shell.run(Array(CommandLine.arguments.dropFirst())))
  }
}
