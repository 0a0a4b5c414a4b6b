// swift-tools-version: 6.2
import Foundation
import PackageDescription

// VKXL_STRICT=1 (set by scripts/test.sh) turns warnings into errors; users' builds stay lenient.
let strict = ProcessInfo.processInfo.environment["VKXL_STRICT"] == "1"
let settings: [SwiftSetting] = strict ? [.treatAllWarnings(as: .error)] : []

// Static archives behind shaderc differ between distributions: link those that are there.
// (Debian 12's shared libshaderc has an undefined symbol, so it is always linked statically.)
let libraryFolders = [
  "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
]
func archiveExists(_ name: String) -> Bool {
  libraryFolders.contains { FileManager.default.fileExists(atPath: "\($0)/lib\(name).a") }
}
let shadercArchives = [
  "shaderc_combined", "glslang", "MachineIndependent", "GenericCodeGen", "OSDependent",
  "OGLCompiler", "SPIRV", "SPIRV-Tools-opt", "SPIRV-Tools",
].filter(archiveExists)

let package = Package(
  name: "vkxl",
  products: [.executable(name: "vkxl", targets: ["vkxl"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: [
    // System libraries
    .systemLibrary(name: "CVulkan", providers: [.apt(["libvulkan-dev"])]),
    .systemLibrary(
      name: "CShaderc", providers: [.apt(["libshaderc-dev", "glslang-dev", "spirv-tools"])]),
    .systemLibrary(name: "CWebP", providers: [.apt(["libwebp-dev"])]),
    .systemLibrary(name: "CKernelParameters", path: "shaders"),
    // libpng and libjpeg report errors with longjmp: small C targets catch it before Swift
    .target(name: "CPNG", linkerSettings: [.linkedLibrary("png")]),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    // Embedding of GLSL and tables in the binary
    .executableTarget(name: "EmbedText", swiftSettings: settings),
    .plugin(name: "EmbedSources", capability: .buildTool(), dependencies: ["EmbedText"]),
    // The rooms, from the ground up
    .target(name: "VKRuntime", dependencies: ["CVulkan"], swiftSettings: settings),
    .target(name: "Graph", swiftSettings: settings),
    .target(
      name: "Shaders",
      dependencies: ["Graph", "VKRuntime", "CShaderc", "CKernelParameters"],
      swiftSettings: settings,
      linkerSettings: shadercArchives.map { .linkedLibrary($0) } + [.linkedLibrary("stdc++")],
      plugins: ["EmbedSources"]),
    .target(
      name: "Model", dependencies: ["Graph"], swiftSettings: settings, plugins: ["EmbedSources"]),
    .target(
      name: "Data", dependencies: ["Graph", "Model", "CPNG", "CJPEG", "CWebP"],
      swiftSettings: settings),
    .target(
      name: "Train",
      dependencies: ["Graph", "Model", "Data", .product(name: "Logging", package: "swift-log")],
      swiftSettings: settings),
    .executableTarget(
      name: "vkxl",
      dependencies: [
        "Train", "Shaders", "Yams",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    // Tests
    .testTarget(
      name: "VKRuntimeTests", dependencies: ["VKRuntime"], exclude: ["Fixtures"],
      swiftSettings: settings),
    .testTarget(
      name: "GraphTests", dependencies: ["Graph"], exclude: ["Fixtures"], swiftSettings: settings),
    .testTarget(
      name: "ShadersTests", dependencies: ["Shaders"], exclude: ["Fixtures"],
      swiftSettings: settings),
    .testTarget(
      name: "ModelTests", dependencies: ["Model", "Shaders"], exclude: ["Fixtures"],
      swiftSettings: settings),
    .testTarget(
      name: "DataTests", dependencies: ["Data"], exclude: ["Fixtures"], swiftSettings: settings),
    .testTarget(
      name: "TrainTests", dependencies: ["Train", "Shaders"], exclude: ["Fixtures"],
      swiftSettings: settings),
    .testTarget(name: "vkxlTests", dependencies: ["vkxl"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
