#!/usr/bin/env python3
"""Writes Tests/ModelTests/Fixtures/checkpoints.txt: what checkpoints of synthetic weights must be.

    make_checkpoint_fixtures.py REFERENCE.py OUT.txt

REFERENCE.py is the reference program (PyTorch); this needs its `manifest`, `weight` and
`state_dict`, and Python's safetensors. Lines:

    manifest SIZE TENSORS PARAMETERS HASH    FNV-1a of "NAME D0,D1,...\n" over all tensors in order
    file SIZE SEED BYTES CHECKSUM            of the whole checkpoint file
    weight SEED START COUNT CHECKSUM NAME D0,D1,...   of elements of one weight, as float16
    inputs SEED CHECKSUM NAME D0,D1,...      of a model input, as float32

CHECKSUM is the sum over 8-byte little-endian words w_i of splitmix64(w_i ^ (i * golden)), the last
word padded with zeros, modulo 2^64.
"""
import importlib.util
import os
import sys
import tempfile

import numpy as np
import safetensors
import torch

spec = importlib.util.spec_from_file_location("reference", sys.argv[1])
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)


def checksum(data):
    data = bytes(data) + b"\0" * (-len(data) % 8)
    with np.errstate(over="ignore"):
        w = np.frombuffer(data, "<u8")
        z = (w ^ (np.arange(len(w), dtype=np.uint64) * np.uint64(reference.GOLD))) + np.uint64(
            reference.GOLD
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return int((z ^ (z >> np.uint64(31))).sum(dtype=np.uint64))


def dimensions(shape):
    return ",".join(map(str, shape))


with open(sys.argv[2], "w") as out:
    out.write(
        "# Made by scripts/make_checkpoint_fixtures.py with numpy %s, safetensors %s, torch %s\n"
        % (np.__version__, safetensors.__version__, torch.__version__)
    )
    for size in ("tiny", "odd", "full"):
        m = reference.manifest(size)
        text = "".join(f"{name} {dimensions(shape)}\n" for name, shape in m.items())
        count = sum(int(np.prod(s)) for s in m.values())
        out.write(f"manifest {size} {len(m)} {count} {reference.fnv1a64(text):016x}\n")
    from safetensors.torch import save_file

    for size, seed in (("tiny", 0), ("odd", 3)):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.safetensors")
            save_file(reference.state_dict(size, "", seed), path, {"format": "pt"})
            data = open(path, "rb").read()
        out.write(f"file {size} {seed} {len(data)} {checksum(data):016x}\n")
    for name, shape, seed, start, count in (
        ("conditioner.embedders.1.model.token_embedding.weight", (49408, 1280), 0, 60000001, 4001),
        ("model.diffusion_model.out.0.weight", (320,), 7, 0, 320),
        ("model.diffusion_model.out.2.bias", (4,), 1, 0, 4),
        ("model.diffusion_model.middle_block.0.in_layers.2.weight", (1280, 1280, 3, 3), 2, 14000000, 9000),
    ):
        values = reference.weight(name, shape, seed).ravel()[start : start + count]
        out.write(
            f"weight {seed} {start} {len(values)} {checksum(values.tobytes()):016x} {name} {dimensions(shape)}\n"
        )
    for name, shape, seed in (("input.latents", (2, 4, 16, 24), 7), ("input.context", (1, 77, 192), 0)):
        values = reference.inputs(name, shape, seed)
        out.write(f"inputs {seed} {checksum(values.tobytes()):016x} {name} {dimensions(shape)}\n")
