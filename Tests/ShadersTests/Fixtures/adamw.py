"""Ten steps of torch.optim.AdamW after clip_grad_norm_, in f32: writes adamw.json beside this file.

Made with Python 3.11, torch 2.13.0 (CPU): python adamw.py
"""

import json
import pathlib

import torch

SETTINGS = {"learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
            "weightDecay": 0.01, "maximumNorm": 1.0}
SHAPES = [[3], [2, 5], [1], [4, 3]]

torch.manual_seed(7)
torch.set_num_threads(1)
parameters = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
optimizer = torch.optim.AdamW(
    parameters, lr=SETTINGS["learningRate"], betas=(SETTINGS["beta1"], SETTINGS["beta2"]),
    eps=SETTINGS["epsilon"], weight_decay=SETTINGS["weightDecay"], foreach=False)


def lists(tensors):
    return [tensor.detach().flatten().tolist() for tensor in tensors]


result = {"settings": SETTINGS, "shapes": SHAPES, "initial": lists(parameters), "steps": []}
for step in range(10):
    # Norms from far below to far above the maximum.
    gradients = [torch.randn(shape) * 10.0 ** (step / 3 - 2) for shape in SHAPES]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, SETTINGS["maximumNorm"])
    optimizer.step()
    state = [optimizer.state[parameter] for parameter in parameters]
    result["steps"].append({
        "gradients": lists(gradients), "norm": norm.item(), "parameters": lists(parameters),
        "firstMoments": lists(s["exp_avg"] for s in state),
        "secondMoments": lists(s["exp_avg_sq"] for s in state)})
text = json.dumps(result)
(pathlib.Path(__file__).parent / "adamw.json").write_text(text + "\n")
