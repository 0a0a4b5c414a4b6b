#!/usr/bin/env python3
"""Makes the base model of the quickstart from scratch: a tiny SDXL-layout UNet and VAE.

    python scripts/make_quickstart_model.py all --work .scratch/quickstart

Stages, each leaving a file in --work, so that one can be repeated alone:

    vae       trains the autoencoder on random coloured shapes, polygons and gradients, then
              scales its latents to unit variance
    unet      trains the UNet (flow matching) on circles, squares, triangles and diamonds in six
              colours on three backgrounds, and on other outlines captioned only "shape": it can
              draw what the quickstart teaches but knows none of the four words
    decoder   trains the decoder on while the encoder, and so the latents, stay as they are
    export    writes both, f16, single-file names, to Examples/quickstart/base.safetensors
    finetune  repeats the quickstart's fine-tuning in PyTorch from the exported file: losses to
              Examples/quickstart/reference.json, grids before.png and after.png to --work

The text encoders are not trained and not in the file: they are the formula weights of
`vkxl init --size tiny --seed 0` (a random transformer still tells captions apart).

Needs `pip install torch==2.13.0 diffusers==0.42.1 transformers==5.23.0 safetensors numpy pillow`.
Takes about 35 minutes on one idle core. Everything is seeded; another version of PyTorch or another
processor rounds differently and gives an equally good model, not the same bytes.
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import make_quickstart_data as shapes
from quickstart_names import unet_name, vae_name
from quickstart_text import TEXT_ENCODER_1, TEXT_ENCODER_2, encode_captions

BASE_CHANNELS = 64          # the UNet's three levels are all this wide: one attention head
VAE_CHANNELS = (64, 32, 32, 64)
SCALING_FACTOR = 0.13025
SHIFT = 3.0                 # of flow matching's times, in training and sampling
UNIFORM_FRACTION = 0.2      # of training times; the others are logit-normal (0, 1)
POSTERIOR_SPREAD = 0.05     # of the latents' standard deviation: what the encoder's logvar says

# ---------------------------------------------------------------- VAE


def vae_config():
    return dict(in_channels=3, out_channels=3, latent_channels=4, layers_per_block=2,
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4, block_out_channels=VAE_CHANNELS,
                act_fn="silu", norm_num_groups=32, sample_size=64, scaling_factor=SCALING_FACTOR)


def to_tensor(images):
    """PIL pictures of one size to [N, 3, H, W] in [-1, 1]."""
    stack = np.stack([np.asarray(i, dtype=np.float32) for i in images])
    return torch.from_numpy(stack / 127.5 - 1).permute(0, 3, 1, 2).contiguous()


def to_image(x):
    """[3, H, W] in [-1, 1] to a PIL picture."""
    pixels = ((x.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    return Image.fromarray(pixels)


def grid(rows, path, zoom=2):
    """Writes a grid of tensors [3, H, W]; `rows` is a list of lists of equal length."""
    height, width = rows[0][0].shape[1:]
    sheet = Image.new("RGB", (len(rows[0]) * (width + 2), len(rows) * (height + 2)), (255, 0, 255))
    for j, row in enumerate(rows):
        for i, x in enumerate(row):
            sheet.paste(to_image(x), (i * (width + 2), j * (height + 2)))
    sheet.resize((sheet.width * zoom, sheet.height * zoom), Image.Resampling.NEAREST).save(path)


def learning_rate(step, steps, peak, warmup):
    """Linear warm-up, then half a cosine to zero."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@torch.no_grad()
def prepare_vae(net):
    """Starts the autoencoder as an average over 8x8 pixels with the detail still to be learned.

    The two norms before the output convolutions have two channels a group, and such a norm erases
    the level of a flat area: two constants always become -1 and 1. So there the even channels
    carry the picture, and the odd ones begin as a fixed pattern, large at the border and zero
    inside (a Laplacian of a constant, cut off by the zero padding), which sets the norm's scale.
    Without that the colours take hours to learn. Residual branches begin at zero; those on 64x64
    pixels, which cost most and matter least, stay there and are skipped while training.
    """
    laplacian = torch.full((3, 3), -1 / 8)
    laplacian[1, 1] = 1
    blur = torch.outer(*[torch.tensor([0.25, 0.5, 0.25])] * 2)
    even, odd, colours = torch.arange(0, 64, 2), torch.arange(1, 64, 2), torch.arange(3)
    narrow = torch.arange(32)
    for name, module in net.named_modules():
        if name.endswith(("conv2", "to_out.0")):
            module.weight.zero_()
            module.bias.zero_()
        elif name.endswith("samplers.0.conv"):
            module.weight *= 0.2
            diagonal = torch.eye(module.out_channels)[:, :, None, None]
            if "down" in name:
                module.weight[:, :, :2, :2] += diagonal / 4
            else:
                module.weight += diagonal * blur
        elif name.endswith("conv_shortcut"):
            module.weight *= 0.2
            if module.out_channels > module.in_channels:
                module.weight[odd] = 0
                module.bias[odd] = 0
                module.weight[even, narrow] += 1
            else:
                module.weight[narrow, narrow if name.startswith("encoder") else even] += 1
    # The border patterns: B times the Laplacian of a channel that is constant.
    last = net.encoder.mid_block.resnets[1]
    last.norm2.weight[63], last.norm2.bias[63] = 0, 2
    last.conv2.weight[odd, 63] = 6 * laplacian
    before, after = (net.decoder.up_blocks[i].upsamplers[0].conv for i in (1, 2))
    before.weight[31], before.bias[31] = 0, 1
    after.weight[31], after.weight[:, 31], after.bias[31] = 0, 0, 0
    after.weight[31, 31] = 22 * laplacian
    wide = net.decoder.up_blocks[3].resnets[0].conv_shortcut
    wide.weight[:, 31] = 0
    wide.weight[odd, 31] = 1
    net.encoder.conv_in.weight[colours, :] = 0
    net.encoder.conv_in.weight[colours, colours, 1, 1] = 1
    net.decoder.conv_in.weight[even[:4], torch.arange(4), 1, 1] += 1
    for coder in (net.encoder, net.decoder):
        coder.conv_norm_out.bias[even] = 2
        coder.conv_out.weight *= 0.2
        coder.conv_out.weight[:, odd] = 0
        coder.conv_out.weight[colours, even[colours], 1, 1] += 1.5
        coder.conv_out.bias[:3] = -1.5 * 1.76
    for mixing in (net.quant_conv, net.post_quant_conv):
        mixing.weight.copy_(torch.eye(mixing.out_channels)[:, :, None, None])
        mixing.bias.zero_()
    for block in widest_blocks(net):
        block.conv1.weight.zero_()


def widest_blocks(net):
    """The residual blocks on full-size pictures, whose branches stay zero."""
    return [*net.encoder.down_blocks[0].resnets, *net.decoder.up_blocks[3].resnets]


def skip_widest_blocks(net):
    """Leaves their branches out of computation and training; shortcuts stay."""
    for block in widest_blocks(net):
        block.requires_grad_(False)
        shortcut = block.conv_shortcut
        if shortcut is not None:
            shortcut.requires_grad_(True)
        block.forward = lambda x, temb=None, shortcut=shortcut: shortcut(x) if shortcut else x


def train_vae(arguments):
    """Pictures of half the side first (a quarter of the cost), then those of 64x64.

    The latents are blurred a little, so that neighbouring ones decode to neighbouring pictures,
    and kept near unit variance by a small penalty; the scale is made exact afterwards.
    """
    from diffusers import AutoencoderKL
    torch.manual_seed(arguments.seed)
    rng = random.Random(arguments.seed)
    net = AutoencoderKL(**vae_config()).train()
    prepare_vae(net)
    skip_widest_blocks(net)
    trained = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, betas=(0.9, 0.99), weight_decay=1e-4)
    fixed = random.Random(12345)
    held_out = to_tensor([shapes.random_picture(fixed) for _ in range(6)] + [
        shapes.draw(s, c, b, (64, 64), fixed) for s, c, b in shapes.HELD_OUT[:6]])
    steps = arguments.small_steps + arguments.vae_steps
    start = time.time()
    for step in range(steps):
        small = step < arguments.small_steps
        side, count = (32, 16) if small else (64, 8)
        x = to_tensor([shapes.random_picture(rng, side) for _ in range(count)])
        spread = 0.1 * min(1.0, step / 650) ** 2
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, 1300, 1.5e-3, 30)
        mean = net.encode(x).latent_dist.mean
        y = net.decode(mean + spread * torch.randn_like(mean)).sample
        error = y - x
        loss = error.abs().mean() + error.square().mean() + 1e-3 * mean.square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        if step % 25 == 0 or step == steps - 1:
            print(f"vae {step:5d} loss {loss.item():.4f} L1 {error.abs().mean().item():.4f} "
                  f"latents {mean.std().item():.2f}  {time.time() - start:.0f} s", flush=True)
        if step % 200 == 199 or step == steps - 1:
            with torch.no_grad():
                y = net.decode(net.encode(held_out).latent_dist.mean).sample
            grid([list(held_out), list(y)], arguments.work / "vae.png")
            torch.save(net.state_dict(), arguments.work / "vae.pt")
    print(f"reconstruction of held-out pictures: L1 {(y - held_out).abs().mean().item():.4f}")


def load_vae(arguments, name="vae-normalised.pt"):
    from diffusers import AutoencoderKL
    net = AutoencoderKL(**vae_config()).eval()
    net.load_state_dict(torch.load(arguments.work / name))
    return net


def encode_pictures(vae, pictures):
    """[N, 3, H, W] to latents as the UNet sees them: the posterior's mean times 0.13025."""
    with torch.no_grad():
        return torch.cat([vae.encode(x).latent_dist.mean for x in pictures.split(16)]
                         ) * SCALING_FACTOR


def normalise_vae(arguments):
    """Folds each latent channel's mean and deviation over base pictures into the 1x1 convolutions.

    After it the latents times 0.13025 have mean 0 and variance 1 a channel, and the encoder's
    logvar is constant: a deviation of POSTERIOR_SPREAD in those units.
    """
    net = load_vae(arguments, "vae.pt")
    rng = random.Random(arguments.seed + 7)
    pictures = to_tensor([shapes.draw(s, c, b, (64, 64), rng) for s in shapes.BASE_SHAPES
                          for c in shapes.COLOURS for b in shapes.BACKGROUNDS])
    with torch.no_grad():
        means = net.encode(pictures).latent_dist.mean
        centre, spread = means.mean((0, 2, 3)), means.std((0, 2, 3)) * SCALING_FACTOR
        quant, after = net.quant_conv, net.post_quant_conv
        quant.weight[:4] /= spread.view(4, 1, 1, 1)
        quant.bias[:4] = (quant.bias[:4] - centre) / spread
        quant.weight[4:] = 0
        quant.bias[4:] = 2 * math.log(POSTERIOR_SPREAD / SCALING_FACTOR)
        after.bias += (after.weight[:, :, 0, 0] @ centre)
        after.weight *= spread.view(1, 4, 1, 1)
        for parameter in net.parameters():
            parameter.copy_(parameter.half().float())
        latents = encode_pictures(net, pictures)
    print("normalised latents: mean", latents.mean((0, 2, 3)).tolist(), "deviation",
          latents.std((0, 2, 3)).tolist())
    torch.save(net.state_dict(), arguments.work / "vae-normalised.pt")


def refine_decoder(arguments):
    """Trains the decoder on, with the encoder and so the UNet's latents fixed, down to rate zero.

    Every picture has one large shape on a plain background, as those of the quickstart have; the
    latents are blurred by a tenth of their deviation, as a sampler's are not exact either.
    """
    torch.manual_seed(arguments.seed + 2)
    rng = random.Random(arguments.seed + 2)
    net = load_vae(arguments).requires_grad_(False)
    net.decoder.requires_grad_(True)
    net.post_quant_conv.requires_grad_(True)
    skip_widest_blocks(net)
    trained = [p for part in (net.decoder, net.post_quant_conv) for p in part.parameters()
               if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, betas=(0.9, 0.99), weight_decay=1e-4)
    fixed = random.Random(12345)
    held_out = to_tensor([shapes.draw(*w, (64, 64), fixed) for w in shapes.HELD_OUT])
    start = time.time()
    for step in range(arguments.decoder_steps):
        x = to_tensor([shapes.random_centred_picture(rng) for _ in range(8)])
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments.decoder_steps, 1e-3, 20)
        latents = encode_pictures(net, x)
        y = net.decode((latents + 0.1 * torch.randn_like(latents)) / SCALING_FACTOR).sample
        loss = (y - x).abs().mean() + (y - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        if step % 25 == 0:
            print(f"decoder {step:5d} L1 {(y - x).abs().mean().item():.4f}  "
                  f"{time.time() - start:.0f} s", flush=True)
        if step % 100 == 99 or step == arguments.decoder_steps - 1:
            with torch.no_grad():
                y = net.decode(net.encode(held_out).latent_dist.mean).sample
            grid([list(held_out), list(y)], arguments.work / "decoder.png")
            torch.save(net.state_dict(), arguments.work / "vae-final.pt")
    print(f"reconstruction of held-out pictures: L1 {(y - held_out).abs().mean().item():.4f}")


# ---------------------------------------------------------------- UNet and flow matching


def unet_config():
    context = TEXT_ENCODER_1[0] + TEXT_ENCODER_2[0]
    return dict(sample_size=8, in_channels=4, out_channels=4, flip_sin_to_cos=True, freq_shift=0,
                down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
                block_out_channels=(BASE_CHANNELS,) * 3, layers_per_block=2, norm_num_groups=32,
                cross_attention_dim=context, transformer_layers_per_block=[1, 1, 1],
                attention_head_dim=[BASE_CHANNELS // 64] * 3, use_linear_projection=True,
                addition_embed_type="text_time", addition_time_embed_dim=256, act_fn="silu",
                projection_class_embeddings_input_dim=TEXT_ENCODER_2[0] + 6 * 256)


def predict(net, x, t, text):
    """The UNet's velocity at times t in (0, 1); uncropped pictures, so time_ids follow x's size."""
    height, width = 8.0 * x.shape[2], 8.0 * x.shape[3]
    time_ids = torch.tensor([[height, width, 0, 0, height, width]] * len(x))
    return net(x, 1000 * t, text[0],
               added_cond_kwargs=dict(text_embeds=text[1], time_ids=time_ids)).sample


def shifted(t):
    """Moves times towards noise: a t / (1 + (a - 1) t)."""
    return SHIFT * t / (1 + (SHIFT - 1) * t)


def flow_loss(net, latents, text):
    """Mean of (v - (noise - latents))^2 at x_t = (1 - t) latents + t noise.

    t is logit-normal, or uniform for a part of the batch, then shifted: colours and background are
    decided by the caption while x_t is nearly noise, and must be trained there.
    """
    noise = torch.randn_like(latents)
    t = torch.where(torch.rand(len(latents)) < UNIFORM_FRACTION, torch.rand(len(latents)),
                    torch.sigmoid(torch.randn(len(latents))))
    t = shifted(t).clamp(1e-4, 1 - 1e-4)
    mix = t.view(-1, 1, 1, 1)
    return (predict(net, (1 - mix) * latents + mix * noise, t, text)
            - (noise - latents)).square().mean()


def gather(texts, captions):
    """The context and pooled tensors of a list of captions."""
    return (torch.stack([texts[c][0] for c in captions]),
            torch.stack([texts[c][1] for c in captions]))


@torch.no_grad()
def sample(net, vae, texts, prompts, size=(64, 64), steps=24, guidance=3.0, seed=1):
    """Euler from t = 1 to 0 with classifier-free guidance against the empty caption."""
    net.eval()
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((len(prompts), 4, size[1] // 8, size[0] // 8), generator=generator)
    both = gather(texts, list(prompts) + [""] * len(prompts))
    for i in range(steps):
        t, after = shifted(1 - i / steps), shifted(1 - (i + 1) / steps)
        with_text, without = predict(net, torch.cat([x, x]), torch.full((2 * len(x),), t),
                                     both).chunk(2)
        x = x + (after - t) * (without + guidance * (with_text - without))
    net.train()
    return list(vae.decode(x / SCALING_FACTOR).sample)


class Batches:
    """Random batches of (latents, captions), each of one picture size; sizes drawn by count."""

    def __init__(self, groups, batch, rng, dropout=0.1):
        self.groups, self.batch, self.rng, self.dropout = groups, batch, rng, dropout
        self.queues = [[] for _ in groups]

    def next(self):
        counts = [len(captions) for _, captions in self.groups]
        index = self.rng.choices(range(len(counts)), counts)[0]
        queue = self.queues[index]
        while len(queue) < self.batch:
            queue += self.rng.sample(range(counts[index]), counts[index])
        chosen, self.queues[index] = queue[:self.batch], queue[self.batch:]
        latents, captions = self.groups[index]
        words = ["" if self.rng.random() < self.dropout else captions[i] for i in chosen]
        return latents[chosen], words


def fit(net, batches, texts, steps, peak, warmup, save=None):
    """AdamW on the flow loss with clipping at 1, warm-up and cosine; returns the losses."""
    optimizer = torch.optim.AdamW(net.parameters(), betas=(0.9, 0.999), weight_decay=0.01)
    net.train()
    losses, start = [], time.time()
    for step in range(steps):
        latents, words = batches.next()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak, warmup)
        loss = flow_loss(net, latents, gather(texts, words))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 50 == 49:
            print(f"step {step + 1:5d} loss {np.mean(losses[-50:]):.4f}  "
                  f"{time.time() - start:.0f} s", flush=True)
        if save and (step % 200 == 199 or step == steps - 1):
            torch.save(net.state_dict(), save)
    return losses


def base_pictures(size, copies, with_unnamed, rng):
    """(pictures, captions) the UNet is pretrained on, all of one size (width, height).

    The base shapes come under their names. `with_unnamed` adds the quickstart's shapes and random
    outlines, as "shape" only: the base can draw them but does not know what they are called.
    """
    pictures, captions = [], []
    for colour in shapes.COLOURS:
        for background in shapes.BACKGROUNDS:
            for _ in range(copies):
                named = [(shape, shape) for shape in shapes.BASE_SHAPES]
                unnamed = [*shapes.NEW_SHAPES, shapes.random_outline(rng)] if with_unnamed else []
                for shape, word in named + [(shape, "shape") for shape in unnamed]:
                    pictures.append(shapes.draw(shape, colour, background, size, rng))
                    captions.append(shapes.caption(word, colour, background))
    return to_tensor(pictures), captions


def train_unet(arguments):
    """Pretrains the UNet in the quickstart's picture sizes: named shapes first, then all."""
    from diffusers import UNet2DConditionModel
    torch.manual_seed(arguments.seed)
    rng = random.Random(arguments.seed)
    vae = load_vae(arguments)
    prompts = [shapes.caption(s, c, b) for s in (*shapes.BASE_SHAPES, "shape")
               for c in shapes.COLOURS for b in shapes.BACKGROUNDS]
    texts = encode_captions(prompts + [""])
    net = UNet2DConditionModel(**unet_config())
    for with_unnamed, steps in ((False, arguments.unet_steps), (True, arguments.unnamed_steps)):
        groups = []
        for size, copies in (((64, 64), 8), ((96, 64), 2), ((64, 96), 2)):
            pictures, captions = base_pictures(size, copies, with_unnamed, rng)
            groups.append((encode_pictures(vae, pictures), captions))
        fit(net, Batches(groups, 16, rng), texts, steps, 1e-3, 50, arguments.work / "unet.pt")
    pictures = sample(net, vae, texts, prompts)
    grid([pictures[i:i + 12] for i in range(0, len(prompts), 18)], arguments.work / "unet.png")

VAE_PREFIX = "first_stage_model."


def unet_key(name):
    return "model.diffusion_model." + unet_name(name, unet_config()["up_block_types"])


def export(arguments):
    """Writes the UNet and the VAE, f16; the VAE's attention weights are 1x1 convolutions there."""
    from safetensors.torch import save_file
    tensors = {unet_key(k): v
               for k, v in torch.load(arguments.work / "unet.pt").items()}
    for key, value in torch.load(arguments.work / "vae-final.pt").items():
        if ".attentions." in key and value.ndim == 2:
            value = value[:, :, None, None]
        tensors[VAE_PREFIX + vae_name(key)] = value
    metadata = {
        "modelspec.sai_model_spec": "1.0.1", "modelspec.title": "vkxl quickstart base",
        "modelspec.architecture": "stable-diffusion-xl-v1-base", "modelspec.license": "MIT",
        "modelspec.implementation": "sgm", "modelspec.resolution": "64x64",
        "modelspec.author": "The vkxl authors", "modelspec.date": "2026-11-22",
        "modelspec.description": "Circles, squares, triangles and diamonds; text encoders: "
                                 "vkxl init --size tiny --seed 0",
        "modelspec.prediction_type": "flow", "vkxl.prediction_type": "flow",
    }
    save_file({k: v.half().contiguous() for k, v in tensors.items()}, arguments.base, metadata)
    print(f"{arguments.base}: {len(tensors)} tensors, {arguments.base.stat().st_size} bytes")


def load_base(arguments):
    """(UNet, VAE) in f32 from the exported file: the names above read backwards."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from safetensors.torch import load_file
    file = load_file(arguments.base)
    unet, vae = UNet2DConditionModel(**unet_config()), AutoencoderKL(**vae_config()).eval()
    unet.load_state_dict({k: file[unet_key(k)].float() for k in unet.state_dict()})
    vae.load_state_dict({k: file[VAE_PREFIX + vae_name(k)].float().reshape(v.shape)
                         for k, v in vae.state_dict().items()})
    return unet, vae


# ---------------------------------------------------------------- the quickstart, in PyTorch


def load_folder(vae, folder):
    """Pictures and captions of the example, as one group for each picture size."""
    by_size = {}
    for path in sorted(folder.glob("*/*.png")):
        image = Image.open(path).convert("RGB")
        caption = path.with_suffix(".txt").read_text().strip()
        by_size.setdefault(image.size, []).append((image, caption))
    return [(encode_pictures(vae, to_tensor([i for i, _ in items])), [c for _, c in items])
            for items in by_size.values()]


def finetune(arguments):
    """Fine-tunes the exported base on the example and draws the grid before and after."""
    torch.manual_seed(arguments.seed + 1)
    unet, vae = load_base(arguments)
    groups = load_folder(vae, arguments.data)
    prompts = [shapes.caption(*w) for w in shapes.HELD_OUT]
    texts = encode_captions({c for _, captions in groups for c in captions} | {""} | set(prompts))

    def draw_grid(name):
        pictures = sample(unet, vae, texts, prompts, guidance=arguments.guidance)
        grid([pictures[:4], pictures[4:]], arguments.work / name, zoom=3)

    draw_grid("before.png")
    start = time.time()
    batches = Batches(groups, arguments.batch, random.Random(arguments.seed))
    losses = fit(unet, batches, texts, arguments.steps, arguments.rate, 20)
    seconds = (time.time() - start) / arguments.steps
    draw_grid("after.png")
    torch.save(unet.state_dict(), arguments.work / "finetuned.pt")
    tenth = arguments.steps // 10
    arguments.reference.write_text(json.dumps({
        "what": "the quickstart's fine-tuning in PyTorch: mean loss of each tenth of the steps",
        "steps": arguments.steps, "batch": arguments.batch, "learning_rate": arguments.rate,
        "torch": torch.__version__, "mean_losses": [
            round(float(np.mean(losses[i:i + tenth])), 4)
            for i in range(0, tenth * 10, tenth)]}, indent=2) + "\n")
    print(f"{seconds:.3f} s a step")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("all", "vae", "unet", "decoder", "export", "finetune"))
    parser.add_argument("--work", type=Path, default=Path(".scratch/quickstart"))
    parser.add_argument("--base", type=Path, default=Path("Examples/quickstart/base.safetensors"))
    parser.add_argument("--data", type=Path, default=Path("Examples/quickstart/data"))
    parser.add_argument("--reference", type=Path,
                        default=Path("Examples/quickstart/reference.json"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--small-steps", type=int, default=300, help="vae: batches of 16 at 32x32")
    parser.add_argument("--vae-steps", type=int, default=500, help="vae: batches of 8 at 64x64")
    parser.add_argument("--decoder-steps", type=int, default=1800, help="decoder: batches of 8")
    parser.add_argument("--unet-steps", type=int, default=3000,
                        help="unet: batches of 16, named shapes only")
    parser.add_argument("--unnamed-steps", type=int, default=800, help="unet: then all shapes")
    parser.add_argument("--steps", type=int, default=300, help="finetune")
    parser.add_argument("--batch", type=int, default=8, help="finetune")
    parser.add_argument("--rate", type=float, default=1e-3, help="finetune: peak learning rate")
    parser.add_argument("--guidance", type=float, default=3.0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.work.mkdir(parents=True, exist_ok=True)
    stages = {"vae": (train_vae, normalise_vae), "unet": (train_unet,),
              "decoder": (refine_decoder,), "export": (export,), "finetune": (finetune,)}
    for name, functions in stages.items():
        for function in functions if arguments.stage in (name, "all") else ():
            function(arguments)


if __name__ == "__main__":
    main()
