#!/usr/bin/env python3
"""Writes Tests/ModelTests/Fixtures/python.safetensors: a small file by safetensors itself (0.8.0).

    make_safetensors_fixture.py OUT.safetensors
"""
import sys

import torch
from safetensors.torch import save_file

save_file(
    {
        'ü "q"': torch.tensor([[1, -2.5], [3.25, 1e-30]], dtype=torch.float32),
        "a.i": torch.tensor([1, -2, 1 << 40]),
        "e": torch.zeros(0),
        "s": torch.tensor(0.1, dtype=torch.float16),
        "d": torch.tensor([0.1, -1e300], dtype=torch.float64),
        "b": torch.tensor([1.0078125, -3.0], dtype=torch.bfloat16),
    },
    sys.argv[1],
    {"k": "v \\ \n \U0001F642"},
)
