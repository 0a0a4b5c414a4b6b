import Train

extension OptimizerType {
  /// The rule as training has it by default.
  var usualSettings: Train.OptimizerSettings {
    switch self {
    case .adamW: Train.OptimizerSettings(.adamW(AdamWSettings()))
    case .adamW8Bit: Train.OptimizerSettings(.adamW8Bit(AdamW8BitSettings()))
    case .adafactor: Train.OptimizerSettings(.adafactor(AdafactorSettings()))
    case .lion: Train.OptimizerSettings(.lion(LionSettings()))
    case .prodigy: Train.OptimizerSettings(.prodigy(ProdigySettings()))
    }
  }
}
