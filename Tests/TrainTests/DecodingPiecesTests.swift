import Graph
import Model
import Shaders
import Testing

@testable import Train

/// Pictures decoded in pieces, and what is planned beside the steps.
@Suite struct DecodingPiecesTests {
  private static func frame(_ height: Int, _ width: Int) -> FrameShape {
    FrameShape(samples: 1, height: height, width: width)
  }

  private static func latents(_ frame: FrameShape) -> [Float] {
    SyntheticTensors.inputs("latents", shape: [frame.height, frame.width, 4], seed: 3)
  }

  /// Pieces cover the axis, and neighbours share a quarter at least.
  @Test func piecesCoverAnAxis() {
    for piece in [16, 24, 64] {
      for size in 1...(4 * piece) {
        let starts = DecodingPieces.starts(size: size, piece: piece)
        guard size > piece else {
          #expect(starts == [0])
          continue
        }
        #expect(starts.first == 0 && starts.last == size - piece)
        for (a, b) in zip(starts, starts.dropFirst()) {
          #expect(a < b && a + piece - b >= piece / 4, "\(size), \(piece): \(starts)")
        }
        let weights = DecodingPieces.weights(starts: starts, piece: piece)
        #expect(weights.joined().allSatisfy { $0 > 0 && $0 <= 1 })
      }
    }
  }

  /// What depends on one latent alone is the same in pieces.
  @Test(arguments: [(40, 16), (16, 40), (37, 53), (16, 16)])
  func pointwiseDecodingIsExact(height: Int, width: Int) {
    let (frame, scale) = (Self.frame(height, width), 2)
    func decode(_ latents: [Float], _ frame: FrameShape) -> [Float] {
      (0..<frame.height * scale).flatMap { y in
        (0..<frame.width * scale).flatMap { x -> [Float] in
          let place = (y / scale * frame.width + x / scale) * 4
          return [latents[place] + Float(y % scale), latents[place + 1] * 3, Float(x % scale)]
        }
      }
    }
    let latents = Self.latents(frame)
    let whole = decode(latents, frame)
    var count = 0
    let found = DecodingPieces(side: 16).decode(latents, frame, scale: scale) {
      count += 1
      #expect($1.height <= 16 && $1.width <= 16)
      return decode($0, $1)
    }
    #expect(found.count == whole.count)
    #expect(zip(found, whole).allSatisfy { abs($0 - $1) < 1e-5 })
    let counts = [height, width].map { DecodingPieces.starts(size: $0, piece: 16).count }
    #expect(count == counts[0] * counts[1])
  }

  /// The tiny VAE on white noise, in the smallest pieces, whose norms see least: 0.213 was measured. A
  /// piece in the wrong place gives more than 1. One piece is the whole to the bit.
  @Test func thePictureIsNearlyTheSame() throws {
    let backend = try SharedBackend.vulkan
    let vae = try #require(Tiny.configuration.vae)
    let frame = Self.frame(40, 24)
    let latents = Self.latents(frame)
    func decoded(_ pieces: DecodingPieces) throws -> [Double] {
      let decoder = try LatentDecoder(
        backend, vae, weights: Tiny.weights, shape: pieces.piece(of: frame))
      return try decoder.decode(latents, frame, in: pieces).map(Double.init)
    }
    let whole = try decoded(.whole)
    #expect(try decoded(DecodingPieces(side: 64)) == whole)
    let error = relativeError(try decoded(DecodingPieces(side: 16)), whole)
    #expect(error > 0 && error < 0.3)
    print("decoded in pieces of 16: relative difference \(error)")
  }

  private static func networks(_ budget: Int?) throws -> (RunNetworks, StepPlanner) {
    let planner = VulkanPlanner()
    let (unet, settings) = (Tiny.configuration.unet, Tiny.settings())
    let denoiser = UNetRunner.denoiser(unet)
    let steps = try StepPlanner(
      planner, settings: settings, gradients: .kept, budgetByteCount: budget,
      shapes: [Tiny.shape(samples: 1)], accumulation: 1, denoiser: denoiser)
    let networks = RunNetworks(
      planner, unet: try NetworkPlans(planner, unet.stored(.f32)),
      decoder: try Tiny.configuration.vae.map { try NetworkPlans(planner, $0) },
      denoiser: denoiser, budgetByteCount: budget)
    return (networks, steps)
  }

  /// Large pictures beside small batches: whole without a budget, in pieces within one, refused with the
  /// least that would do within a smaller one.
  @Test func picturesStayWithinTheBudget() throws {
    let picture = (batch: Tiny.shape(samples: 2, height: 64, width: 64), frame: Self.frame(64, 64))
    func phases(_ budget: Int?) throws -> (peak: Int, drawing: Int, pieces: DecodingPieces) {
      let (networks, steps) = try Self.networks(budget)
      let (phases, pieces) = try networks.phases(
        training: steps.memory([Tiny.shape(samples: 1)]), heldOut: [Tiny.shape(samples: 1)],
        pictures: [picture])
      #expect(phases.count == 2)
      return (MemoryPlan(phases: phases).peak, phases[0].use.total, pieces)
    }
    let free = try phases(nil)
    #expect(free.pieces == .whole && free.peak > free.drawing)
    let tight = try phases(free.peak - 1)
    #expect(tight.pieces.side != nil && tight.peak < free.peak)
    // Beside these weights even the smallest pieces take more than drawing does.
    let refused = #expect(throws: InputError.self) { _ = try phases(free.drawing) }
    #expect(refused?.expected.hasSuffix(" to decode the pictures") == true)
    let error = #expect(throws: InputError.self) { _ = try phases(free.drawing - (1 << 20)) }
    #expect(error?.place == "memory.budget")
    let least = StepPlanner.mebibytes(free.drawing)
    #expect(error?.expected == "at least \(least) to draw the pictures")
  }
}
