import CKernelParameters
import Foundation
import Graph

extension AdamW: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    UpdateRun.merged(context, count: count).map { run in
      context.elementwise(
        "optimizer/adamw.comp", count: Values.pairs.count(run.count), values: .pairs,
        storage: ["P": run.roles[0].dtype, "G": run.roles[1].dtype],
        parameters: parameters(context, run))
    }
  }

  private func parameters(_ context: LoweringContext, _ run: UpdateRun) -> AdamWParameters {
    AdamWParameters(
      learningRate: context.inputs[0].address, step: context.inputs[1].address,
      scale: context.inputs[2].address, parameter: run.roles[0].address,
      gradient: run.roles[1].address, m: run.roles[2].address, v: run.roles[3].address,
      parameterOut: run.roles[4].address, mOut: run.roles[5].address,
      vOut: run.roles[6].address, count: UInt32(Values.pairs.count(run.count)),
      logBeta1: Float(log(beta1)),
      logBeta2: Float(log(beta2)), weight1: Float(1 - beta1), beta2: Float(beta2),
      weight2: Float(1 - beta2), epsilon: Float(epsilon), weightDecay: Float(weightDecay))
  }
}

/// Parameters that one launch updates: tensors whose parameters, gradients and moments each follow
/// one another at the same distance. What pads a tensor is updated along with it and never read.
private struct UpdateRun {
  /// Parameter, gradient, m, v, then the outputs parameter, m, v.
  let roles: [(address: UInt64, dtype: DType)]
  var count: Int

  /// Every tensor takes up a multiple of this many bytes.
  private static let alignment = 256

  static func merged(_ context: LoweringContext, count n: Int) -> [UpdateRun] {
    var runs: [UpdateRun] = []
    for index in 0..<n {
      let tensors =
        (0..<4).map { context.inputs[3 + $0 * n + index] }
        + (0..<3).map { context.outputs[$0 * n + index] }
      let count = tensors[0].type.elementCount
      if let last = runs.last, let distance = last.distance(to: tensors),
        distance + count < 1 << 31
      {
        runs[runs.count - 1].count = distance + count
      } else {
        runs.append(
          UpdateRun(roles: tensors.map { ($0.address, $0.type.dtype) }, count: count))
      }
    }
    return runs
  }

  /// Elements between the starts of the run and of the tensors, where it is the same in all roles
  /// and nothing but the last tensor's padding lies between.
  private func distance(to tensors: [Binding]) -> Int? {
    var common: Int?
    for (role, tensor) in zip(roles, tensors) {
      let size = role.dtype.byteCount
      let end = (count * size + Self.alignment - 1) / Self.alignment * Self.alignment
      guard role.dtype == tensor.type.dtype, tensor.address == role.address + UInt64(end),
        common == nil || common == end / size
      else { return nil }
      common = end / size
    }
    return common
  }
}
