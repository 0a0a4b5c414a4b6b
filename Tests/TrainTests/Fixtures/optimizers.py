"""Six steps of Lion, Prodigy, Adafactor and 8-bit AdamW: writes optimizers.safetensors beside this file.

Made with Python 3.11, torch 2.13.0 (CPU), transformers 5.24.0, lion-pytorch 0.2.5, prodigyopt 1.1.2,
bitsandbytes 0.50.2, numpy 2.4.6: python optimizers.py

Lion is lion-pytorch's, Prodigy prodigyopt's, Adafactor transformers' on weights reshaped to matrices. 8-bit AdamW follows
bitsandbytes' CUDA kernel (decay after the step, sign-preserving codes) in float64 with bitsandbytes'
own maps, because its CPU path does neither and finds codes near the nearest only; one step of that
path, from zero states and without decay, must give the same weights and scales, and codes within 8.
"""

import pathlib

import bitsandbytes
import numpy
import torch
from bitsandbytes.functional import create_dynamic_map
from lion_pytorch import Lion
from prodigyopt import Prodigy
from safetensors.numpy import save_file
from transformers.optimization import Adafactor

SHAPES = [[50, 83], [4, 3, 3, 2], [7], [6, 5]]
STEPS = 6
KEPT = [1, 3, 6]
RATE, DECAY, BETA1, BETA2, EPS = 1e-2, 0.1, 0.9, 0.999, 1e-8

torch.manual_seed(11)
torch.set_num_threads(1)
initial = [torch.randn(shape) for shape in SHAPES]
# Magnitudes that differ by row and by step; a common direction, which Prodigy's distance grows by.
gradients = [
    [(torch.randn(shape) + 1) * torch.rand(shape[0]).reshape([-1] + [1] * (len(shape) - 1))
     * 10.0 ** (step / 2 - 3) for shape in SHAPES] for step in range(STEPS)]
# Moments so small that their nearest code is 0, and loses their sign.
for step in range(STEPS):
    gradients[step][0][0, :3] = -1e-8 if step == STEPS - 1 else 0
out = {}
for index, tensor in enumerate(initial):
    out[f"initial.p{index}"] = tensor.numpy()
    for step in range(STEPS):
        out[f"gradient.{step + 1}.p{index}"] = gradients[step][index].numpy()


def keep(rule, step, weights):
    if step in KEPT:
        for index, weight in enumerate(weights):
            out[f"{rule}.{step}.p{index}"] = numpy.asarray(
                weight, dtype=numpy.float32).reshape(SHAPES[index]).copy()


def matrix(tensor):
    return tensor.reshape(tensor.shape[0], -1) if tensor.dim() > 1 else tensor


def run(rule, make, reshape=lambda tensor: tensor):
    parameters = [torch.nn.Parameter(reshape(tensor.clone())) for tensor in initial]
    optimizer = make(parameters)
    for step in range(STEPS):
        for parameter, gradient in zip(parameters, gradients[step]):
            parameter.grad = reshape(gradient.clone())
        optimizer.step()
        keep(rule, step + 1, [parameter.detach() for parameter in parameters])
    return optimizer, parameters


run("lion", lambda p: Lion(p, lr=RATE, betas=(0.9, 0.99), weight_decay=DECAY))
for name, corrects, safeguards in [
        ("prodigy", False, False), ("prodigy-corrected", True, True)]:
    optimizer, _ = run(
        name, lambda p: Prodigy(
            p, lr=1.0, betas=(BETA1, BETA2), eps=EPS, weight_decay=DECAY, d0=0.1,
            use_bias_correction=corrects, safeguard_warmup=safeguards,
            d_coef=10.0 if safeguards else 1.0))
    out[f"{name}.d"] = numpy.array([optimizer.param_groups[0]["d"]], dtype=numpy.float32)
optimizer, parameters = run(
    "adafactor", lambda p: Adafactor(
        p, lr=RATE, scale_parameter=False, relative_step=False, warmup_init=False,
        clip_threshold=1.0, decay_rate=-0.8, beta1=None, weight_decay=DECAY), matrix)
state = optimizer.state[parameters[0]]
out["adafactor.rows.p0"] = state["exp_avg_sq_row"].numpy().copy()
out["adafactor.columns.p0"] = state["exp_avg_sq_col"].numpy().copy()

SIGNED = create_dynamic_map(signed=True).numpy().astype(numpy.float64)
UNSIGNED = create_dynamic_map(signed=False).numpy().astype(numpy.float64)
out["map.signed"] = SIGNED.astype(numpy.float32)
out["map.unsigned"] = UNSIGNED.astype(numpy.float32)


def blocks(values):
    padded = numpy.zeros(-(-values.size // 256) * 256)
    padded[:values.size] = values
    return padded.reshape(-1, 256)


def quantised(values, table):
    """Codes and scales; codes keep the sign."""
    scales = numpy.abs(blocks(values)).max(axis=1)
    x = values / numpy.repeat(scales, 256)[:values.size]
    codes = numpy.searchsorted((table[1:] + table[:-1]) / 2, x)
    plain = codes.copy()
    differs = (table[codes] < 0) != (values < 0)
    codes = numpy.where(differs, numpy.where(values > 0, codes + 1, codes - 1), codes)
    return codes, scales, plain


def dequantised(codes, scales, table):
    return table[codes] * numpy.repeat(scales, 256)[:codes.size]


def adamw_8bit(weight, gradient, state, step, decay):
    m, v = state
    m = BETA1 * m + (1 - BETA1) * gradient
    v = BETA2 * v + (1 - BETA2) * gradient ** 2
    correction = numpy.sqrt(1 - BETA2 ** step)
    weight = weight - RATE * correction / (1 - BETA1 ** step) * m / (
        numpy.sqrt(v) + EPS * correction)
    return weight * (1 - RATE * decay), m, v


weight = initial[0].numpy().astype(numpy.float64).ravel()
state = (numpy.zeros_like(weight), numpy.zeros_like(weight))
moved = 0
for step in range(1, STEPS + 1):
    gradient = gradients[step - 1][0].numpy().astype(numpy.float64).ravel()
    if step == 1:
        check = torch.nn.Parameter(initial[0].clone())
        other = bitsandbytes.optim.AdamW8bit(
            [check], lr=RATE, betas=(BETA1, BETA2), eps=EPS, weight_decay=0.0)
        check.grad = gradients[0][0].clone()
        other.step()
        theirs = other.state[check]
        expected, m, v = adamw_8bit(weight, gradient, state, 1, 0.0)
        assert numpy.abs(check.detach().numpy().ravel() - expected).max() < 1e-6
        for values, table, number in [(m, SIGNED, 1), (v, UNSIGNED, 2)]:
            _, scales, plain = quantised(values, table)
            assert numpy.allclose(theirs[f"absmax{number}"].numpy(), scales, rtol=1e-6)
            distance = numpy.abs(theirs[f"state{number}"].numpy().ravel().astype(int) - plain)
            print(f"codes of bitsandbytes' CPU path that differ: {(distance > 0).mean():.3f}, "
                  f"by {distance.max()} at most")
            assert distance.max() <= 8
    weight, m, v = adamw_8bit(weight, gradient, state, step, DECAY)
    weight = weight.astype(numpy.float32).astype(numpy.float64)
    codes_m, scales_m, plain = quantised(m, SIGNED)
    moved += int((plain != codes_m).sum())
    codes_v, scales_v, _ = quantised(v, UNSIGNED)
    state = (dequantised(codes_m, scales_m, SIGNED), dequantised(codes_v, scales_v, UNSIGNED))
    if step in KEPT:
        out[f"adamw8bit.{step}.p0"] = weight.astype(numpy.float32).reshape(SHAPES[0])
assert moved > 0, "no code needed its sign back"
for name, codes, scales in [("m", codes_m, scales_m), ("v", codes_v, scales_v)]:
    out[f"adamw8bit.{name}.codes"] = codes.astype(numpy.uint8).reshape(SHAPES[0])
    out[f"adamw8bit.{name}.absmax"] = scales.astype(numpy.float32)
save_file(out, pathlib.Path(__file__).parent / "optimizers.safetensors")
print(f"{moved} codes moved for their sign")
