import Graph
import Model
import Testing

@testable import Train

/// Pictures drawn together.
@Suite struct PictureBatchTests {
  private static func conditioning(_ name: String, chunks: Int = 1) -> Conditioning {
    let unet = Tiny.configuration.unet
    return Conditioning(
      context: SyntheticTensors.inputs("context " + name, shape: [77 * chunks, unet.contextWidth]),
      pooled: SyntheticTensors.inputs("pooled " + name, shape: [unet.pooledWidth]))
  }

  private static func request(
    _ name: String, guidance: Float = 4, seed: UInt64 = 1, chunks: Int = 1, width: Int = 64
  ) -> PictureRequest {
    PictureRequest(
      positive: conditioning(name, chunks: chunks),
      negative: conditioning("negative " + name, chunks: chunks), width: width, height: 96,
      guidance: guidance, guidanceRescale: 0.5, seed: seed)
  }

  private static func process(_ method: SamplingMethod, _ prediction: PredictionType)
    -> SamplingProcess
  {
    SamplingProcess(
      prediction: prediction,
      table: SamplingTable(
        prediction: prediction, schedule: .plain, TableSettings(steps: 4, method: method)),
      method: method)
  }

  /// Prompts, seeds and scales of their own, for a method that adds noise, one that asks twice in a step,
  /// and one that remembers. Kernels may differ by the batch and sum in another order: the limits are those
  /// of two implementations in f32, for a UNet 1e-5, for guided pictures, where guidance multiplies what is
  /// rounded, 1e-4 as in SamplingTests. (Seen on lavapipe: 1.1e-6 and 1.8e-5.)
  @Test(
    arguments: [
      (SamplingMethod.sdeDPMSolverPlusPlus, PredictionType.v), (.heun, .flow), (.unipc, .epsilon),
    ], [false, true])
  func picturesAreTheSameInEveryBatch(
    _ kind: (SamplingMethod, PredictionType), isGuided: Bool
  ) throws {
    let unet = Tiny.configuration.unet
    let scales: [Float] = [4, 7.5, 4, 2, 3, 5, 5, 1.5]
    let requests = scales.enumerated().map { index, scale in
      Self.request("\(index)", guidance: isGuided ? scale : 1, seed: UInt64(index))
    }
    let runner = try UNetRunner(
      SharedBackend.vulkan, unet.stored(.f32), weights: Tiny.weights,
      shape: requests[0].batchShape(unet))
    let process = Self.process(kind.0, kind.1)
    let alone = try requests.map { try process.draw([$0], runner, unet)[0] }
    #expect(Set(alone).count == 8)
    for count in [3, 8] {
      var estimateCounts: [Int] = []
      let together = try process.draw(Array(requests[..<count]), runner, unet) {
        estimateCounts.append($0.estimate.count)
      }
      #expect(estimateCounts == [Int](repeating: count * 12 * 8 * 4, count: 4))
      #expect(together.count == count)
      for (found, expected) in zip(together, alone) {
        let error = relativeError(found.map(Double.init), expected.map(Double.init))
        #expect(error < (isGuided ? 1e-4 : 1e-5), "\(count): \(error)")
      }
    }
    #expect(try process.draw([], runner, unet).isEmpty)
  }

  @Test func whoCanShareABatch() {
    let first = Self.request("a")
    #expect(first.canShareBatch(with: Self.request("b", guidance: 7, seed: 9)))
    #expect(!first.canShareBatch(with: Self.request("a", guidance: 1)))
    #expect(!first.canShareBatch(with: Self.request("a", chunks: 2)))
    #expect(!first.canShareBatch(with: Self.request("a", width: 128)))
    let shape = first.batchShape(Tiny.configuration.unet, pictures: 3)
    #expect(shape.samples == 6 && shape.height == 12 && shape.width == 8 && shape.tokens == 77)
    #expect(Self.process(.heun, .flow) == Self.process(.heun, .flow))
    #expect(Self.process(.heun, .flow) != Self.process(.euler, .flow))
  }

  /// A prompt that is repeated says the same: what the shorter of prompt and negative prompt rests on.
  @Test func repeatedPromptsSayTheSame() throws {
    let (one, two) = (Self.conditioning("a"), Self.conditioning("b", chunks: 2))
    let three = Self.conditioning("c", chunks: 3)
    let (long, longer) = Conditioning.matched(two, three)
    #expect(long.context == two.context + two.context + two.context && long.pooled == two.pooled)
    #expect(longer.context == three.context + three.context)
    let (same, other) = Conditioning.matched(one, one)
    #expect(same == one && other == one)
    let (twice, _) = Conditioning.matched(one, two)
    let unet = Tiny.configuration.unet
    func prediction(_ conditioning: Conditioning) throws -> [Double] {
      var shape = Tiny.shape(samples: 1)
      shape.tokens = conditioning.context.count / shape.contextWidth
      let runner = try UNetRunner(
        SharedBackend.vulkan, unet.stored(.f32), weights: Tiny.weights, shape: shape)
      return try runner.predict(
        shape, latents: SyntheticTensors.inputs("latents", shape: shape.latents), time: [500],
        context: conditioning.context, pooled: conditioning.pooled,
        timeIDs: [64, 64, 0, 0, 64, 64]
      ).map(Double.init)
    }
    let expected = try prediction(one)
    // Sums of twice as many terms in f32; empty chunks instead change it by much more.
    #expect(relativeError(try prediction(twice), expected) < 2e-6)
    let filled = one.padded(to: twice.context.count, with: Self.conditioning("empty"))
    #expect(relativeError(try prediction(filled), expected) > 1e-4)
  }
}
