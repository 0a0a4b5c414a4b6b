/// How one tensor of a checkpoint lies in its file and in the graph.
///
/// Files are channels first, the graph is channels last: the weight of a convolution, O x I x H x W
/// in the file, is O x H x W x I in the graph, and that of a 1 x 1 convolution is the matrix O x I,
/// because it acts as a linear layer on the channels. Everything else is the same in both.
public struct ParameterLayout: Hashable, Sendable {
  /// Single-file name; also the name of the graph's variable.
  public let name: String
  /// Outermost dimension first, as in the file.
  public let fileShape: [Int]

  public init(name: String, fileShape: [Int]) {
    self.name = name
    self.fileShape = fileShape
  }

  /// Shape of the graph's variable; the same number of elements.
  public var graphShape: [Int] {
    guard fileShape.count == 4 else { return fileShape }
    let (output, input, height, width) = (fileShape[0], fileShape[1], fileShape[2], fileShape[3])
    return height * width == 1 ? [output, input] : [output, height, width, input]
  }

  /// Whether the elements lie in the same order in both, so that nothing needs to be moved.
  public var isIdentity: Bool { graphShape.count < 4 }

  /// Elements of the file, row-major in `fileShape`, in the order of the graph.
  public func toGraph(_ values: [Float]) -> [Float] {
    isIdentity ? values : ChannelOrder.channelsLast(values, shape: fileShape)
  }

  /// Elements of the graph, row-major in `graphShape`, in the order of the file.
  public func toFile(_ values: [Float]) -> [Float] {
    isIdentity ? values : ChannelOrder.channelsFirst(values, shape: graphShape)
  }
}

extension ManifestEntry {
  /// How the tensor lies in the graph.
  public var layout: ParameterLayout { ParameterLayout(name: name, fileShape: shape) }
}

extension UNetConfiguration {
  /// Every tensor of the UNet.
  public var parameterLayouts: [ParameterLayout] { manifest.map(\.layout) }
}

extension VAEConfiguration {
  /// Every tensor of the VAE, encoder and decoder.
  public var parameterLayouts: [ParameterLayout] { manifest.map(\.layout) }
}

extension TextEncoderConfiguration {
  /// Every stored tensor of text encoder 1 or 2, also those that no context needs.
  public func parameterLayouts(_ part: CheckpointPart) -> [ParameterLayout] {
    manifest(part).map(\.layout)
  }
}
