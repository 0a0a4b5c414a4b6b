import Graph

extension LinearParameterGradient: SelectableOperation {
  public func selection(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> KernelSelection? {
    ProductShape(product, inputs).problem.selection(device)
  }

  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let shape = ProductShape(product, inputs)
    return max(
      shape.workspaceByteCount(device),
      shape.problem.tile(device).rowSumsByteCount(of: inputs[0], into: outputs[1], device))
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let (inputs, outputs) = (context.inputs, context.outputs)
    return ProductShape(product, inputs.map(\.type)).launches(
      ProductOperands(a: inputs[0], b: inputs[1], y: outputs[0], rowSums: outputs[1]), context)
  }
}

extension ProductTile {
  /// Whether the kernel can sum the rows of a on the way: lanes that hand them round hold them.
  var sumsRows: Bool { choice.code.usesBroadcasts && isOfColumns && splits == 1 }

  /// Scratch bytes of `rowSumsLaunches`.
  func rowSumsByteCount(of a: TensorType, into y: TensorType, _ device: DeviceTraits) -> Int {
    if sumsRows { return 0 }
    return SumTo(shape: y.shape, dtype: y.dtype).workspaceByteCount(
      inputs: [Self.matrix(a, y)], outputs: [y], device: device)
  }

  /// The launches that sum the rows of a, which lie as columns of `operands.a`, where the product's
  /// kernel does not.
  func rowSumsLaunches(_ operands: ProductOperands, _ context: LoweringContext) -> [Launch] {
    guard let y = operands.rowSums, !sumsRows else { return [] }
    let x = Binding(type: Self.matrix(operands.a.type, y.type), address: operands.a.address)
    var launches = SumTo(shape: y.type.shape, dtype: y.type.dtype).launches(
      LoweringContext(
        inputs: [x], outputs: [y], workspace: context.workspace, device: context.device))
    // An unsplit product leaves it the scratch memory.
    launches[0].waits = splits > 1 || panels != nil
    return launches
  }

  private static func matrix(_ x: TensorType, _ y: TensorType) -> TensorType {
    TensorType([x.elementCount / max(y.elementCount, 1), y.elementCount], x.dtype)
  }
}
