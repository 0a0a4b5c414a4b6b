"""What PyTorch computes for operations of Graph, in float64: writes operations.json beside this file.

Made with Python 3.11, torch 2.13.0 (CPU), diffusers 0.42.1: python operations.py
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import get_timestep_embedding

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
cases = {}


def add(name, inputs, outputs):
    def entry(t):
        return {"shape": list(t.shape), "values": t.detach().flatten().tolist()}
    cases[name] = {"inputs": [entry(t) for t in inputs], "outputs": [entry(t) for t in outputs]}


def channels_last(t):
    return t.movedim(1, -1)


x = torch.randn(2, 3, 2, 6) * 3
add("silu", [x], [F.silu(x)])
add("gelu", [x], [F.gelu(x)])
add("quick_gelu", [x], [x * torch.sigmoid(1.702 * x)])
value, gate = x.chunk(2, dim=-1)
add("geglu", [x], [value * F.gelu(gate)])

weight, bias = torch.randn(6), torch.randn(6)
planes = x.movedim(-1, 1)
normalized = F.group_norm(planes, 3, weight, bias, eps=1e-5)
add("group_norm", [x, weight, bias], [channels_last(normalized)])
add("group_norm_silu", [x, weight, bias], [channels_last(F.silu(normalized))])
add("layer_norm", [x, weight, bias], [F.layer_norm(x, (6,), weight, bias, eps=1e-5)])
add("upsample", [x], [channels_last(F.interpolate(planes, scale_factor=2.0, mode="nearest"))])

target, sample_weight = torch.randn_like(x) * 3, torch.tensor([0.25, 0.5])
for name, error in [
    ("mse", F.mse_loss(x, target, reduction="none")),
    ("l1", F.l1_loss(x, target, reduction="none")),
    ("huber", F.huber_loss(x, target, reduction="none", delta=0.75)),
]:
    means = error.mean(dim=(1, 2, 3))
    add("loss_" + name, [x, target, sample_weight], [(means * sample_weight).sum()[None], means])

time = torch.tensor([0.0, 1.0, 37.25, 999.0], dtype=torch.float32)
for dimension in [32, 320]:
    embedding = get_timestep_embedding(time, dimension, flip_sin_to_cos=True, downscale_freq_shift=0)
    add(f"timestep_{dimension}", [time], [embedding])

path = pathlib.Path(__file__).parent / "operations.json"
path.write_text(json.dumps(cases) + "\n")
