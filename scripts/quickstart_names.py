"""Parameter names: diffusers' to those of the single-file SDXL layout (sgm), without prefix."""

RESIDUAL = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
            "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
UNET_ENDS = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
             "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
             "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
             "mid_block.resnets.0": "middle_block.0", "mid_block.attentions.0": "middle_block.1",
             "mid_block.resnets.1": "middle_block.2"}
VAE_PARTS = {"mid_block.resnets.0": "mid.block_1", "mid_block.resnets.1": "mid.block_2",
             "mid_block.attentions.0": "mid.attn_1", "group_norm": "norm", "to_q": "q",
             "to_k": "k", "to_v": "v", "to_out.0": "proj_out", "conv_norm_out": "norm_out",
             "conv_shortcut": "nin_shortcut", "downsamplers.0": "downsample",
             "upsamplers.0": "upsample"}


def unet_name(name, up_block_types):
    """A UNet parameter; `up_block_types` is diffusers' (an upsampling comes after attention)."""
    for ours, theirs in UNET_ENDS.items():
        if name.startswith(ours + "."):
            name = theirs + name[len(ours):]
    part = name.split(".")
    if part[0] in ("down_blocks", "up_blocks"):
        down, level, kind, index = part[0] == "down_blocks", int(part[1]), part[2], int(part[3])
        rest = ".".join(part[4:])
        if kind == "downsamplers":
            name = f"input_blocks.{3 * level + 3}.0.op." + rest.removeprefix("conv.")
        elif kind == "upsamplers":
            place = 1 if up_block_types[level] == "UpBlock2D" else 2
            name = f"output_blocks.{3 * level + 2}.{place}.{rest}"
        else:
            block = f"input_blocks.{3 * level + index + 1}" if down else \
                f"output_blocks.{3 * level + index}"
            name = f"{block}.{0 if kind == 'resnets' else 1}.{rest}"
    for ours, theirs in RESIDUAL.items():
        head, end = name.rsplit(".", 1)
        if head.endswith("." + ours) and "transformer_blocks" not in name:
            name = f"{head.removesuffix(ours)}{theirs}.{end}"
    return name


def vae_name(name):
    """A VAE parameter; the four levels of the decoder count the other way round."""
    part = name.split(".")
    if len(part) > 1 and part[1] == "down_blocks":
        name = name.replace(f"down_blocks.{part[2]}", f"down.{part[2]}")
    elif len(part) > 1 and part[1] == "up_blocks":
        name = name.replace(f"up_blocks.{part[2]}", f"up.{3 - int(part[2])}")
    name = name.replace(".resnets.", ".block.") if "mid_block" not in name else name
    for ours, theirs in VAE_PARTS.items():
        name = name.replace(f".{ours}.", f".{theirs}.")
    return name
