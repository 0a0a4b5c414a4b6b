import Graph
import Model

/// How a run chooses its kernels.
public enum KernelSearch: Sendable {
  /// By measurement, at most so many seconds for a new model and shape set.
  case measured(budgetSeconds: Double)
  /// The best guess by the device's features.
  case guessed
  /// As given: the text of a run's `kernels.txt`.
  case pinned(String)
}

extension KernelSearch {
  /// Seconds that the kernels of a new model and shape set may take to choose.
  public static let usualBudgetSeconds = 30.0

  /// Chooses the kernels of a run, before anything of it is planned. A resumed run first takes those of
  /// its state.
  ///
  /// - Parameters:
  ///   - unet: as it is stored
  ///   - shapes: of every batch that can occur
  /// - Returns: warnings, and what was done
  /// - Throws: `InputError` when pinned choices cannot be read, or the state cannot.
  public func choose(
    _ backend: any Backend, _ unet: StoredUNet, shapes: [BatchShape], accumulates: Bool,
    resuming folder: RunFolder?
  ) throws -> (warnings: [String], report: TuningReport) {
    var warnings: [String] = []
    if let folder, let step = folder.savedSteps.last {
      let state = try SavedState(folder.statePath(step: step))
      let isSame = state.device == backend.description
      if !isSame || !backend.adopt(kernelChoices: state.kernels) {
        warnings.append(
          "the run so far was on \(state.device), with its kernels: the rest will not be equal to it "
            + "to the bit")
      }
    }
    if case .pinned(let text) = self, !backend.adopt(kernelChoices: text) {
      throw InputError(
        "device.kernels", expected: "lines `key: choice`, as in a run's kernels.txt",
        found: "something else")
    }
    guard case .measured(let budget) = self else { return (warnings, TuningReport()) }
    let denoiser = UNetRunner.denoiser(unet.configuration, storage: unet.storage)
    let graphs = shapes.map { shape in
      MicroStep.graph(
        shape, gradients: accumulates ? .add : .replace, scalesLoss: unet.storage.scalesLoss,
        denoiser: denoiser)
    }
    return (warnings, try backend.tune(graphs, budgetSeconds: budget))
  }
}
