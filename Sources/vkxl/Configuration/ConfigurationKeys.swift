import Train

/// One section of the configuration file.
struct ConfigurationSection: Sendable {
  let name: String
  let summary: String

  static let all = [
    ConfigurationSection(name: "model", summary: "The checkpoint that training starts from."),
    ConfigurationSection(name: "data", summary: "Images, captions and aspect buckets."),
    ConfigurationSection(name: "training", summary: "The loop: batch, length, clipping, seed."),
    ConfigurationSection(name: "objective", summary: "What the UNet learns to predict."),
    ConfigurationSection(name: "optimizer", summary: "The update and its learning rate."),
    ConfigurationSection(
      name: "memory", summary: "What training may take of the device (`vkxl plan` tells it)."),
    ConfigurationSection(name: "output", summary: "Checkpoints and sample pictures."),
    ConfigurationSection(name: "device", summary: "What the run computes on."),
  ]
}

extension ConfigurationKey<Configuration> {
  /// Every key, in the order of the reference page.
  static let all: [Self] =
    modelKeys + dataKeys + trainingKeys + objectiveKeys + optimizerKeys + memoryKeys + outputKeys
    + deviceKeys

  private static let modelKeys: [Self] = [
    .required(
      "model.checkpoint", \.model.checkpoint, .path, resume: .free,
      knownAs: ["pretrained_model_name_or_path", "base_model_name", "pretrained_model"],
      placeholder: "",
      "SDXL checkpoint to start from: one safetensors file with the names of sd_xl_base_1.0."),
    Self(
      "model.text_encoders", \.model.textEncoders, .pathOrWord(TextEncoderSource.words),
      default: .checkpoint, resume: .free,
      "Where the two text encoders come from: `same` file as the UNet and the VAE, another "
        + "checkpoint's path, or the formula of `vkxl init` with seed 0 (no file needed)."),
    .choice(
      "model.precision", \.model.precision, default: .auto,
      knownAs: ["mixed_precision", "train_dtype", "weight_dtype", "dtype"],
      "Storage of the UNet's weights, activations and gradients; biases, norms and every sum are f32, "
        + "as are text encoders and VAE. `auto`: bf16 on GPUs with matrix units for it, f16 on others, "
        + "f32 on CPUs."),
  ]

  private static let dataKeys: [Self] = [
    .required(
      "data.folder", \.data.folder, .path, resume: .free,
      knownAs: [
        "train_data_dir", "image_dir", "instance_data_dir", "dataset", "path", "repeats",
        "num_repeats", "dataset_repeats",
      ],
      placeholder: "",
      "Folder of PNG, JPEG and WebP images with captions beside them or in a `metadata.jsonl`; "
        + "images in a subfolder named `N_name` are repeated N times an epoch."),
    Self(
      "data.resolution", \.data.resolution, .integer(16...8192), unit: "pixels", default: 1024,
      knownAs: ["train_resolution", "image_size"],
      "Side of the square whose area every bucket keeps; a multiple of `data.bucket_step` with "
        + "buckets, of 8 without."),
    Self(
      "data.buckets", \.data.buckets, .boolean, default: true,
      knownAs: ["enable_bucket", "aspect_ratio_bucketing"],
      "Sort images into buckets by aspect ratio; without it all are cropped square."),
    Self(
      "data.bucket_step", \.data.bucketStep, .integer(8...2048), unit: "pixels", default: 64,
      knownAs: ["bucket_reso_steps", "aspect_bucket_alignment"],
      "Bucket sides are multiples of this; itself a multiple of 8."),
    Self(
      "data.min_bucket_side", \.data.minBucketSide, .integer(8...16384), unit: "pixels",
      default: nil,
      defaultText: "SDXL's own shapes; half of `data.resolution` if the longest side is given",
      knownAs: ["min_bucket_reso"],
      "Shortest side a bucket may have, a multiple of `data.bucket_step`; all shapes between the "
        + "sides are then used."),
    Self(
      "data.max_bucket_side", \.data.maxBucketSide, .integer(8...16384), unit: "pixels",
      default: nil,
      defaultText: "SDXL's own shapes; twice `data.resolution` if the shortest side is given",
      knownAs: ["max_bucket_reso"],
      "Longest side a bucket may have, a multiple of `data.bucket_step`; all shapes between the "
        + "sides are then used."),
    .choice(
      "data.crop", \.data.crop, default: .center, knownAs: ["random_crop", "crop_style"],
      "Where an image, resized to cover its bucket, is cut; `random` draws a place for each repeat."
    ),
    Self(
      "data.flip", \.data.flip, .boolean, default: false,
      knownAs: ["flip_aug", "random_flip", "enable_random_flip"],
      "Mirror each image left to right half of the time."),
    Self(
      "data.caption_extension", \.data.captionExtension, .text, default: ".txt",
      "Ending of caption files: `cat.png` has its caption in `cat.txt`."),
    .choice(
      "data.missing_caption", \.data.missingCaption, default: .error,
      "An image without caption file stops the run (`error`), is left out and named (`skip`), or "
        + "is trained with an empty caption (`empty`)."),
    Self(
      "data.caption_dropout", \.data.captionDropout, .number(.zeroToOne), default: 0.1,
      knownAs: ["caption_dropout_rate", "caption_dropout_probability", "proportion_empty_prompts"],
      "Share of samples shown an empty caption instead, which is what makes guidance work."),
    Self(
      "data.tag_weights", \.data.tagWeights, .boolean, default: false,
      knownAs: ["tag_weighting", "use_tag_weighting", "tag_based_loss"],
      "Samples whose tags (captions split on commas) are rare count more in the loss: the geometric "
        + "mean of 1 / (share + 0.1) from 0.1 to 10, scaled to mean 1."),
    Self(
      "data.validation_fraction", \.data.validationFraction, .number(.zeroToBelowOne), default: 0,
      knownAs: ["validation_split", "val_split", "holdout_fraction"],
      "Share of the pictures held out, chosen by their content: their loss by noise level is measured "
        + "at fixed noise (`output.validate_every`)."),
    Self(
      "data.validation_folder", \.data.validationFolder, .path, default: nil, resume: .free,
      knownAs: ["validation_data_dir", "val_data_dir"],
      "Folder of held-out pictures with captions, instead of a share of `data.folder`."),
    Self(
      "data.max_caption_chunks", \.data.maxCaptionChunks, .integer(1...16),
      unit: "chunks of 75 tokens", default: 1, knownAs: ["max_token_length"],
      "How long a caption may be; what is longer is cut and named in a warning. All batches have as "
        + "many chunks as the longest caption needs."),
    Self(
      "data.cache_folder", \.data.cacheFolder, .path, default: nil,
      defaultText: "`cache` in `output.folder`", resume: .free,
      knownAs: ["cache_dir", "cache_dir_vae", "cache_latents_to_disk"],
      "Where latents and text embeddings are kept between runs, by content."),
  ]

  private static let trainingKeys: [Self] = [
    Self(
      "training.batch_size", \.training.batchSize, .integer(1...4096), unit: "images", default: 1,
      knownAs: ["train_batch_size", "batch"],
      "Images in one micro-step."),
    Self(
      "training.max_steps", \.training.maxSteps, .integer(1...1_000_000_000), unit: "steps",
      default: nil, defaultText: "none; either this or `training.epochs`",
      resume: .scheduleLength, knownAs: ["max_train_steps", "steps", "train_steps"],
      "Length of the run in optimizer steps."),
    Self(
      "training.epochs", \.training.epochs, .integer(1...1_000_000), unit: "epochs", default: nil,
      defaultText: "none; either this or `training.max_steps`", resume: .scheduleLength,
      knownAs: ["max_train_epochs", "num_train_epochs", "num_epochs"],
      "Length of the run in passes over the images."),
    Self(
      "training.gradient_accumulation", \.training.gradientAccumulation, .integer(1...65536),
      unit: "micro-steps", default: 1, knownAs: ["gradient_accumulation_steps"],
      "Micro-steps whose gradients are averaged for one optimizer step."),
    Self(
      "training.max_grad_norm", \.training.maxGradNorm, .number(.nonNegative), default: 1,
      knownAs: ["clip_grad_norm", "gradient_clipping", "max_norm"],
      "Global gradient norm above which gradients are scaled down to it; 0 turns clipping off."),
    Self(
      "training.seed", \.training.seed, .integer(0...Int(UInt32.max)), default: 0,
      knownAs: ["random_seed"],
      "Seed of noise, times, order, crops, flips and dropout; the same seed gives the same run."),
  ]

  private static let optimizerKeys: [Self] = [
    .choice(
      "optimizer.type", \.optimizer.type, default: .adamW,
      knownAs: ["optimizer_type", "optimizer"],
      "Update rule: AdamW; AdamW with 8-bit moments (`adamw8bit`); Adafactor, whose state is a row and "
        + "a column of each weight; Lion; Prodigy, which finds the step itself (`learning_rate: 1`). "
        + "Weight decay is decoupled in all."),
    Self(
      "optimizer.learning_rate", \.optimizer.learningRate, .number(.positive), default: 1e-5,
      knownAs: ["lr", "unet_lr"], "Learning rate after warmup."),
    Self(
      "optimizer.betas", \.optimizer.betas, .pair(.zeroToBelowOne), default: nil,
      defaultText: "`[0.9, 0.999]`; `[0.9, 0.99]` for lion",
      knownAs: ["adam_beta1", "adam_beta2", "beta1"],
      "Decay of the first and second moment; of lion's direction and momentum."),
    Self(
      "optimizer.eps", \.optimizer.eps, .number(.positive), default: 1e-8,
      knownAs: ["adam_epsilon", "epsilon"],
      "Added to the root of the second moment; for adamw, adamw8bit and prodigy."),
    Self(
      "optimizer.weight_decay", \.optimizer.weightDecay, .number(.nonNegative), default: 0.01,
      knownAs: ["adam_weight_decay"], "Decoupled weight decay, times the learning rate."),
    Self(
      "optimizer.decay_norms_and_biases", \.optimizer.decayNormsAndBiases, .boolean,
      default: true, "Whether weight decay applies to norms and biases too, as in torch."),
    .choice(
      "optimizer.state_dtype", \.optimizer.stateDType, default: .f32,
      knownAs: ["moments_dtype", "optimizer_dtype"],
      "Storage of moments, for adamw and lion; `bf16` halves them and rounds stochastically."),
    Self(
      "optimizer.clip_threshold", \.optimizer.clipThreshold, .number(.positive), default: 1,
      "Root mean square above which a weight's update is scaled down to it; adafactor only."),
    Self(
      "optimizer.decay_rate", \.optimizer.decayRate,
      .number(NumberRange(lower: -1, upper: 0, excludesUpper: true)), default: -0.8,
      "Exponent c of b = 1 - t^c, which averages squared gradients; adafactor only."),
    Self(
      "optimizer.d0", \.optimizer.d0, .number(.positive), default: 1e-6,
      "First estimate of the step; prodigy only."),
    Self(
      "optimizer.d_coef", \.optimizer.dCoefficient, .number(.positive), default: 1,
      "Factor of the estimated step; prodigy only."),
    Self(
      "optimizer.bias_correction", \.optimizer.biasCorrection, .boolean, default: false,
      knownAs: ["use_bias_correction"], "Correct moments as Adam does; prodigy only."),
    Self(
      "optimizer.safeguard_warmup", \.optimizer.safeguardWarmup, .boolean, default: false,
      "Keep a warmup from inflating the estimated step; prodigy only."),
    .choice(
      "optimizer.scheduler", \.optimizer.scheduler, default: .constant,
      knownAs: ["lr_scheduler", "learning_rate_scheduler"],
      "Learning rate after warmup: `constant`, or falling to 0 at the end (`linear`, `cosine`)."),
    Self(
      "optimizer.warmup_steps", \.optimizer.warmupSteps, .integer(0...1_000_000_000),
      unit: "steps", default: 0, knownAs: ["lr_warmup_steps", "learning_rate_warmup_steps"],
      "Steps over which the learning rate rises evenly to its full value."),
  ]

  private static let memoryKeys: [Self] = [
    Self(
      "memory.budget", \.memory.budget, .byteCountOrWord(["auto"]), default: .auto,
      resume: .free, knownAs: ["gradient_checkpointing", "max_memory", "vram", "low_vram"],
      "Device memory that a training step may take, as in `22GiB`: what does not fit is computed "
        + "again in the backward pass, as little as will do, to the bit; pictures drawn meanwhile are "
        + "decoded in pieces. `auto`: 92 % of what the device has to spare."),
    .choice(
      "memory.gradients", \.memory.gradients, default: .auto,
      knownAs: ["fused_backward_pass", "fused_optimizer"],
      "Where gradients are: `kept` until all are there, or until a clipped update; `kept_bf16`, with "
        + "sums over micro-steps rounded to bf16; `last_norm`, freed as soon as their parameters are "
        + "updated, clipped by the norm of the update before (the first by its own); `two_passes`, "
        + "freed too, with a backward pass before that tells the norm. `auto` keeps what fits, else frees without "
        + "changing what clipping means; a resumed run keeps the way that it began with."),
  ]

  private static let outputKeys: [Self] = [
    Self(
      "output.folder", \.output.folder, .path, default: "output",
      defaultText: "`output` beside the file", resume: .free,
      knownAs: ["output_dir", "logging_dir", "workspace_dir"],
      "Where checkpoints, pictures and logs go; made when missing."),
    Self(
      "output.name", \.output.name, .text, default: nil,
      defaultText: "the configuration file's name", resume: .free,
      knownAs: ["output_name", "save_filename_prefix"],
      "First part of the checkpoints' file names."),
    Self(
      "output.dtype", \.output.dtype, .choice(SavedDType.allCases.map(\.rawValue)),
      default: .source, resume: .free, knownAs: ["save_precision", "output_dtype"],
      "Element type of saved models; `source` is that of `model.checkpoint`, tensor by tensor."),
    Self(
      "output.save_every", \.output.saveEvery, .integer(0...1_000_000_000), unit: "steps",
      default: 500, resume: .free,
      knownAs: ["save_every_n_steps", "checkpointing_steps", "checkpoint_step_interval"],
      "Steps between checkpoints; 0 saves only at the end."),
    Self(
      "output.keep", \.output.keep, .integer(0...1_000_000), unit: "checkpoints", default: 2,
      resume: .free,
      knownAs: ["save_last_n_steps", "checkpoints_total_limit", "rolling_save_count"],
      "Newest checkpoints kept, older ones are deleted; 0 keeps all."),
    Self(
      "output.sample_every", \.output.sampleEvery, .integer(0...1_000_000_000), unit: "steps",
      default: 0, resume: .free,
      knownAs: ["sample_every_n_steps", "validation_steps", "validation_step_interval"],
      "Steps between sample pictures; 0 draws none in between (see `output.grid`)."),
    Self(
      "output.validate_every", \.output.validateEvery, .integer(0...1_000_000_000), unit: "steps",
      default: 500, resume: .free, knownAs: ["validate_every_n_steps", "eval_steps", "val_every"],
      "Steps between measurements of held-out pictures; 0 measures only at the start and the end."),
    Self(
      "output.samples", \.output.samples, .samples, default: [], resume: .free,
      knownAs: ["sample_prompts", "validation_prompt", "validation_prompts"],
      "Pictures to draw: a list of prompts, or of mappings with the keys below."),
    Self(
      "output.prompts", \.output.prompts, .path, default: nil, resume: .free,
      knownAs: ["sample_prompts_file", "prompt_file"],
      "Text file of further pictures to draw: one prompt a line, with `--n` negative, `--w`, `--h`, "
        + "`--s` steps, `--l` guidance, `--d` seed after it, as kohya's scripts know them."),
    Self(
      "output.sampler", \.output.sampler, .choice(SamplingMethod.allCases.map(\.rawValue)),
      default: .euler, resume: .free, knownAs: ["sample_sampler", "noise_scheduler"],
      "Sampler of the pictures; flow has `euler`, `heun` and `dpmpp_2m`."),
    Self(
      "output.guidance_rescale", \.output.guidanceRescale, .number(.zeroToOne), default: 0,
      resume: .free, knownAs: ["cfg_rescale"],
      "Share of the pictures' guidance rescaled to the prediction's own contrast (Lin et al. "
        + "2305.08891); 0.7 suits zero terminal SNR."),
    Self(
      "output.grid", \.output.grid, .boolean, default: true, resume: .free,
      "Draw the samples after the last step, as one picture in rows."),
  ]

  private static let deviceKeys: [Self] = [
    Self(
      "device.name", \.device.name, .text, default: nil,
      defaultText: "the first discrete device, else the first", resume: .free,
      knownAs: ["gpu", "gpu_ids", "device_id", "train_device"],
      "Index or part of the name of a Vulkan device, as `vkxl devices` prints them."),
    Self(
      "device.validate", \.device.validate, .boolean, default: false, resume: .free,
      "Run under the Vulkan validation layer (slow; for debugging)."),
    Self(
      "device.tune", \.device.tune, .boolean, default: true, resume: .free,
      "Measure which kernels are fastest, at most 30 s for a new model and set of shapes; the result "
        + "is kept for later runs on the device. False takes the best guess."),
    Self(
      "device.kernels", \.device.kernels, .path, default: nil, resume: .free,
      "Kernels to use, as another run wrote them to `kernels.txt` in its output folder."),
  ]
}

extension ConfigurationKey<SampleSettings> {
  /// Keys of one item of `output.samples`.
  static let sampleKeys: [Self] = [
    .required("prompt", \.prompt, .text, placeholder: "", "What the picture shows."),
    Self(
      "negative", \.negative, .text, default: "", knownAs: ["negative_prompt"],
      "What it does not show."),
    Self(
      "width", \.width, .integer(8...8192), unit: "pixels", default: nil,
      defaultText: "`data.resolution`", "A multiple of 8."),
    Self(
      "height", \.height, .integer(8...8192), unit: "pixels", default: nil,
      defaultText: "`data.resolution`", "A multiple of 8."),
    Self(
      "steps", \.steps, .integer(1...1000), unit: "sampler steps", default: 28,
      knownAs: ["num_inference_steps", "sample_steps"], "Sampler steps."),
    Self(
      "guidance", \.guidance, .number(.nonNegative), default: 5,
      knownAs: ["guidance_scale", "cfg", "cfg_scale", "scale"],
      "Classifier-free guidance scale; 1 turns guidance off."),
    Self(
      "seed", \.seed, .integer(0...Int(UInt32.max)), default: 0, "Seed of the starting noise."),
  ]
}
