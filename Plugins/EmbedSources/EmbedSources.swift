import Foundation
import PackagePlugin

/// Embeds text files in a module as `[path: text]`, so that the binary runs from any folder:
/// the GLSL below `shaders/` in Shaders, the tables below `Sources/Model/Tables` in Model.
@main
struct EmbedSources: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
    let (name, folder, extensions): (String, String, Set<String>) =
      switch target.name {
      case "Shaders": ("embeddedShaders", "shaders", ["comp", "glsl", "h"])
      default: ("embeddedTables", "Sources/\(target.name)/Tables", ["txt"])
      }
    let root = context.package.directoryURL.appending(path: folder)
    let walk = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
    let files = (walk?.allObjects as? [URL] ?? []).filter { extensions.contains($0.pathExtension) }
      .sorted { $0.path < $1.path }
    let output = context.pluginWorkDirectoryURL.appending(path: "\(name).swift")
    return [
      .buildCommand(
        displayName: "Embedding \(folder)",
        executable: try context.tool(named: "EmbedText").url,
        arguments: [output.path, name, root.path] + files.map(\.path),
        inputFiles: files, outputFiles: [output])
    ]
  }
}
