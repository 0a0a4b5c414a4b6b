/// A model file that is not an SDXL checkpoint in the single-file layout, recognised by its names.
public struct ForeignCheckpoint: Hashable, Sendable {
  /// What it looks like, such as "a LoRA".
  public var title: String
  /// What to do about it.
  public var hint: String

  /// nil when the names begin as SDXL's do: a label embedding in a UNet, or text encoders and no
  /// other model's parts.
  public init?(names: [String]) {
    func some(_ test: (String) -> Bool) -> Bool { names.contains(where: test) }
    func begins(_ prefix: String) -> Bool { some { $0.hasPrefix(prefix) } }
    func holds(_ part: String) -> Bool { some { $0.contains(part) } }

    let unet = CheckpointPart.unet.prefix
    let giveBase = ForeignFile.singleFileHint
    if names.isEmpty {
      (title, hint) = ("a file without tensors", giveBase)
    } else if holds(".lora_down.") || holds(".lora_up.") || holds(".lora_A.") || holds(".hada_w1")
      || holds(".lokr_w1") || holds(".oft_blocks")
    {
      (title, hint) = ("a LoRA or similar adapter", "give the checkpoint that it was trained for")
    } else if begins("control_model.") || holds("input_hint_block") || holds("controlnet_") {
      (title, hint) = ("a ControlNet", giveBase)
    } else if holds("joint_blocks.") {
      (title, hint) = ("Stable Diffusion 3", giveBase)
    } else if holds("double_blocks.") {
      (title, hint) = ("Flux or a relative", giveBase)
    } else if begins("cond_stage_model.transformer.") {
      (title, hint) = ("Stable Diffusion 1.x", giveBase)
    } else if begins("cond_stage_model.model.") {
      (title, hint) = ("Stable Diffusion 2.x", giveBase)
    } else if begins("conditioner.embedders.0.model.") {
      (title, hint) = ("the SDXL refiner", "give the base model or one derived from it")
    } else if begins("down_blocks.") || begins("unet.down_blocks.") {
      (title, hint) = (
        "a diffusers UNet", "convert the diffusers folder to a single file first"
      )
    } else if begins("input_blocks.") {
      (title, hint) = (
        "a bare UNet, without `\(unet)` before its names", giveBase
      )
    } else if begins("encoder.") && begins("decoder.") {
      (title, hint) = ("a VAE alone", giveBase)
    } else if begins("text_model.") || begins("token_embedding.") {
      (title, hint) = ("a text encoder alone", giveBase)
    } else if begins(unet + "input_blocks."), !begins(unet + "label_emb.") {
      (title, hint) = ("a UNet without label embedding, as Stable Diffusion 1.x and 2.x", giveBase)
    } else if some({ CheckpointPart(containing: $0) != nil }),
      !begins(unet) || begins(unet + "input_")
    {
      return nil
    } else {
      let shown = names.prefix(3).map { "`\($0)`" }.joined(separator: ", ")
      (title, hint) = ("another model: \(names.count) tensors such as \(shown)", giveBase)
    }
  }
}
