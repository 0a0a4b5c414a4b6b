import Graph

extension Dataset {
  /// Splits pictures off that are not trained on.
  ///
  /// A picture is held out by its content alone (its hash, as a number on [0, 1), below `fraction`): copies
  /// are on one side, and pictures that come or go later move no others. Each is shown once.
  ///
  /// - Parameter place: named when nothing is left on one side
  /// - Throws: `InputError` when all or none are held out.
  public func holdingOut(
    _ fraction: Double, place: String
  ) throws -> (training: Dataset, heldOut: Dataset) {
    let isHeldOut = samples.map { sample in
      Double(UInt64(sample.contentHash.prefix(16), radix: 16) ?? 0) * 0x1p-64 < fraction
    }
    let count = isHeldOut.count { $0 }
    guard count > 0, count < samples.count else {
      throw InputError(
        place, expected: "pictures on both sides of the split",
        found: "\(count) of \(counted(samples.count, "picture")) held out",
        hint: count == 0
          ? "raise the fraction, or put pictures in a folder of their own (data.validation_folder)"
          : "lower the fraction")
    }
    let sides = [false, true].map { side in
      zip(samples, isHeldOut).filter { $0.1 == side }.map(\.0)
    }
    return (
      try Dataset(root: root, samples: sides[0], unused: unused),
      try Dataset(root: root, samples: sides[1], unused: []).withoutRepeats
    )
  }

  /// The same pictures, each shown once an epoch.
  public var withoutRepeats: Dataset {
    get throws {
      let once = samples.map { sample in
        var sample = sample
        sample.repeats = 1
        return sample
      }
      return try Dataset(root: root, samples: once, unused: unused)
    }
  }
}
