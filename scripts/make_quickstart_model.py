#!/usr/bin/env python3
"""Makes the base model of the quickstart from scratch: a tiny SDXL-layout UNet and VAE.

    python scripts/make_quickstart_model.py all --work .scratch/quickstart

Stages, each leaving a file in --work, so that one can be repeated alone:

    vae       trains the autoencoder on random coloured shapes, polygons and gradients, then
              scales its latents to unit variance
    unet      trains the UNet (flow matching) on nine shapes in six colours on three backgrounds,
              and on other outlines captioned only "shape": it can draw what the quickstart
              teaches but knows none of the four words
    decoder   trains the decoder on while the encoder, and so the latents, stay as they are
    export    writes both, f16, single-file names, to Examples/quickstart/base.safetensors
    finetune  repeats the quickstart's fine-tuning in PyTorch from the exported file: losses to
              Examples/quickstart/reference.json, grids before.png and after.png to --work

The text encoders are not trained and not in the file: they are the formula weights of
`vkxl init --size tiny --seed 0` (a random transformer still tells captions apart).

Needs `pip install torch==2.13.0 diffusers==0.42.1 transformers==5.23.0 safetensors numpy pillow`.
Takes about 40 minutes on one idle core. The committed file was made in several goes, its UNet
starting from weights of an earlier form of this script, so a run from scratch gives a model like it
but not the same bytes. Stages are seeded; another version of PyTorch or another processor rounds
differently.
"""
import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import make_quickstart_data as shapes
from quickstart_names import unet_name, vae_name
from quickstart_text import TEXT_ENCODER_1, TEXT_ENCODER_2, encode_captions
from quickstart_vae import (SCALING_FACTOR, encode_pictures, grid, learning_rate, load_vae,
                            normalise_vae, refine_decoder, to_tensor, train_vae, vae_config)

BASE_CHANNELS = 64          # the UNet's three levels are all this wide: one attention head
SHIFT = 3.0                 # of flow matching's times, in training and sampling
UNIFORM_FRACTION = 0.2      # of training times; the others are logit-normal (0, 1)

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


def base_pictures(size, copies, everything, rng):
    """(pictures, captions) the UNet is pretrained on, all of one size (width, height).

    Base shapes come under their names, at first only four. `everything` adds the others, and the
    quickstart's shapes and random outlines captioned "shape": the base can draw those but does
    not know what they are called.
    """
    pictures, captions = [], []
    for colour in shapes.COLOURS:
        for background in shapes.BACKGROUNDS:
            for _ in range(copies):
                drawn = [(shape, shape) for shape in shapes.BASE_SHAPES[:None if everything else 4]]
                if everything:
                    drawn += [(shape, "shape") for shape in shapes.NEW_SHAPES]
                    drawn += [(shapes.random_outline(rng), "shape")]
                for shape, word in drawn:
                    pictures.append(shapes.draw(shape, colour, background, size, rng))
                    captions.append(shapes.caption(word, colour, background))
    return to_tensor(pictures), captions


def train_unet(arguments):
    """Pretrains the UNet in the quickstart's picture sizes: four shapes first, then all."""
    from diffusers import UNet2DConditionModel
    torch.manual_seed(arguments.seed)
    rng = random.Random(arguments.seed)
    vae = load_vae(arguments)
    prompts = [shapes.caption(s, c, b) for s in (*shapes.BASE_SHAPES, "shape")
               for c in shapes.COLOURS for b in shapes.BACKGROUNDS]
    texts = encode_captions(prompts + [""])
    net = UNet2DConditionModel(**unet_config())
    for everything, steps in ((False, arguments.unet_steps), (True, arguments.second_steps)):
        groups = []
        for size, copies in (((64, 64), 8), ((96, 64), 2), ((64, 96), 2)):
            pictures, captions = base_pictures(size, copies, everything, rng)
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
                        help="unet: batches of 16, four shapes")
    parser.add_argument("--second-steps", type=int, default=2800, help="unet: then all shapes")
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
