/// The reference page of the configuration file, made from the table of keys.
enum ConfigurationReference {
  /// Documentation/Configuration.md; `vkxl config-reference` prints it.
  static var markdown: String {
    let keys = ConfigurationKey<Configuration>.all
    var page = introduction
    for section in ConfigurationSection.all {
      page += "\n## `\(section.name)`\n\n\(section.summary)\n\n"
      page += table(keys.filter { $0.section == section.name })
      if section.name == "output" {
        page += "\n### An item of `output.samples`\n\n"
        page += "A prompt alone, or a mapping with these keys.\n\n"
        page += table(ConfigurationKey<SampleSettings>.sampleKeys)
      }
    }
    page += "\n## Names in other trainers\n\n"
    page += "An unknown key is answered with the key that was meant; these names are known.\n\n"
    page += "| elsewhere | here |\n|---|---|\n"
    for key in keys where !key.knownAs.isEmpty {
      let names = key.knownAs.map { "`\($0)`" }.joined(separator: ", ")
      page += "| \(names) | `\(key.path)` |\n"
    }
    return page
  }

  private static func table<Root>(_ keys: [ConfigurationKey<Root>]) -> String {
    let rows = keys.map { key in
      "| `\(key.name)` | \(key.kind.typeName) | \(key.unit) | \(defaultText(key)) | "
        + "\(key.summary) |\n"
    }
    return "| key | type | unit | default | meaning |\n|---|---|---|---|---|\n" + rows.joined()
  }

  private static func defaultText<Root>(_ key: ConfigurationKey<Root>) -> String {
    if let text = key.defaultText { return text }
    guard let value = key.defaultValue else { return "**required**" }
    switch value {
    case .list([]): return "none"
    case .text(""): return "empty"
    default: return "`\(ConfigurationText.flow(value))`"
    }
  }

  private static let introduction = """
    # Configuration

    <!-- Made from the table in Sources/vkxl/Configuration/ConfigurationKeys.swift:
         vkxl config-reference > Documentation/Configuration.md -->

    `vkxl train --config run.yaml` reads a YAML file of seven sections. Four settings are required:
    `model.checkpoint`, `data.folder`, `objective.type` and the length of the run
    (`training.max_steps` or `training.epochs`). Everything else has a default.

    ```yaml
    model:
      checkpoint: sd_xl_base_1.0.safetensors
    data:
      folder: images
    training:
      max_steps: 2000
    objective:
      type: flow
    ```

    - Relative paths count from the configuration file's folder; `~/` is the home folder.
    - `--set path.to.key=value` overrides a key, as in `--set training.batch_size=4`
      `--set optimizer.betas=[0.9,0.99]`; relative paths then count from the current folder.
    - `null` (or nothing) means the default.
    - Numbers may be written `0.0001`, `1e-4` or `1.0e-4`; truth values `true` or `false`.
    - A mistake is told with file and line, all mistakes at once, before anything is written.
    - Commented examples: [quickstart](../Examples/quickstart.yaml),
      [flow fine-tune](../Examples/sdxl-flow.yaml),
      [v-prediction with zero terminal SNR](../Examples/sdxl-v-ztsnr.yaml).

    "Resumed" runs (`--resume`) may change `output`, `device`, `memory.budget`, paths and, with a
    constant learning rate, the length; everything else must be as it was.

    """
}
