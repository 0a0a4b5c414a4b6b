import CKernelParameters
import Graph

extension SampleLoss: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int { LossShape(inputs[0]).sumsByteCount }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let shape = LossShape(context.inputs[0].type)
    var parameters = shape.parameters(context, kind: kind, hasMask: hasMask)
    parameters.loss = context.outputs[0].address
    parameters.perSample = context.outputs[1].address
    return [
      shape.sums(context, kind: kind, hasMask: hasMask),
      context.grouped(
        "loss/sample_loss.comp", groups: 1, storage: [:],
        defines: kind.defines(hasMask: hasMask), parameters: parameters),
    ]
  }
}

extension SampleLossGradient: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let shape = LossShape(inputs[0])
    return hasMask ? shape.sumsByteCount + shape.samples * 8 : 0
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let (prediction, dprediction) = (context.inputs[0], context.outputs[0])
    let shape = LossShape(prediction.type)
    var parameters = shape.parameters(context, kind: kind, hasMask: hasMask)
    parameters.dloss = context.inputs[context.inputs.count - 1].address
    parameters.dprediction = dprediction.address
    var launches: [Launch] = []
    if hasMask {
      // The sums of the masks, by sample.
      let totals = context.workspace + UInt64(shape.sumsByteCount)
      launches = [shape.sums(context, kind: kind, hasMask: true), shape.total(context, to: totals)]
      parameters.sums = totals
    }
    launches.append(
      context.elementwise(
        "loss/sample_loss_gradient.comp", count: prediction.type.elementCount,
        storage: ["X": prediction.type.dtype, "T": context.inputs[1].type.dtype],
        defines: kind.defines(hasMask: hasMask), parameters: parameters))
    return launches
  }
}

/// How a loss's elements are split among workgroups.
private struct LossShape {
  let samples: Int
  let places: Int
  let channels: Int
  let parts: SumParts

  init(_ prediction: TensorType) {
    samples = prediction.shape[0]
    channels = prediction.lastDimension
    places = prediction.elementCount / samples / channels
    parts = .elements(places * channels)
  }

  /// Bytes of (error, mask) sums for each part.
  var sumsByteCount: Int { scratchByteCount(samples * parts.count * 8) }

  func parameters(
    _ context: LoweringContext, kind: LossKind, hasMask: Bool
  ) -> SampleLossParameters {
    var parameters = SampleLossParameters()
    parameters.prediction = context.inputs[0].address
    parameters.target = context.inputs[1].address
    parameters.weight = context.inputs[2].address
    parameters.mask = hasMask ? context.inputs[3].address : 0
    parameters.sums = context.workspace
    parameters.samples = UInt32(samples)
    parameters.places = UInt32(places)
    parameters.channels = UInt32(channels)
    parameters.parts = UInt32(parts.count)
    parameters.elementsOfPart = UInt32(parts.size)
    if case .huber(let delta) = kind { parameters.delta = delta }
    return parameters
  }

  func sums(_ context: LoweringContext, kind: LossKind, hasMask: Bool) -> Launch {
    context.grouped(
      "loss/sample_loss_sums.comp", groups: samples * parts.count,
      storage: ["X": context.inputs[0].type.dtype, "T": context.inputs[1].type.dtype],
      defines: kind.defines(hasMask: hasMask),
      parameters: parameters(context, kind: kind, hasMask: hasMask))
  }

  /// Sums over the parts of each sample, in order.
  func total(_ context: LoweringContext, to totals: UInt64) -> Launch {
    let pass = SumPass(
      outer: samples, rows: parts.count, columns: 2,
      parts: SumParts(length: parts.count, size: parts.count))
    let type = TensorType([samples, parts.count, 2])
    return pass.launch(
      context, x: Binding(type: type, address: context.workspace),
      y: Binding(type: TensorType([samples, 2]), address: totals))
  }
}

extension LossKind {
  fileprivate func defines(hasMask: Bool) -> [String: String] {
    let kind =
      switch self {
      case .mse: "0"
      case .l1: "1"
      case .huber: "2"
      }
    return hasMask ? ["LOSS": kind, "HAS_MASK": "1"] : ["LOSS": kind]
  }
}
