"""The quickstart's autoencoder: start, training, scale, and the pictures it reads and writes."""
import math
import random
import time

import numpy as np
import torch
from PIL import Image

import make_quickstart_data as shapes

VAE_CHANNELS = (64, 32, 32, 64)
SCALING_FACTOR = 0.13025
POSTERIOR_SPREAD = 0.05     # of the latents' standard deviation: what the encoder's logvar says


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
