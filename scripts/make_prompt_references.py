#!/usr/bin/env python3
"""Writes Tests/TrainTests/Fixtures/prompts.safetensors: what the tiny text encoders make of prompts with
emphasis and of long ones, by ComfyUI's arithmetic.

    make_prompt_references.py FOLDER_OF_REFERENCE_PY OUT.safetensors

Prompts are cut into words at spaces, words into tokens; a word of fewer than 8 tokens that does not fit
into the rest of a chunk begins the next. A token of weight w becomes empty + w (hidden - empty), with
the empty prompt's hidden state at the same place (ComfyUI: comfy/sd1_clip.py, comfy/sdxl_clip.py). The
weights of each piece are written out by hand, in A1111's syntax: nested ones multiply.

For each case i: `i.ids1`, `i.ids2`, `i.weights` [chunks, 77], `i.context` [chunks 77, C], `i.pooled`; the
prompt is the metadata `i`. For comparison it prints how far A1111's arithmetic (hidden states times
weights, scaled back to each chunk's mean, for each encoder) moves the tokens of weight 1.
Versions: torch 2.13.0, transformers 5.23.0.
"""
import os
import sys

sys.path[:0] = [sys.argv[1], os.path.dirname(os.path.abspath(__file__))]
import reference as R
import torch
from fuzz_tokenizer import reference as clip_tokenizer
from safetensors.torch import save_file

START, END, SIZE, LONG = 49406, 49407, 75, 8
tokenizer = clip_tokenizer(os.path.join(sys.argv[1], "data/bpe_simple_vocab_16e6.txt.gz"))
first, second = R.load_text("tiny")

many = " ".join(["red", "fox", "snow"][i % 3] for i in range(74))
CASES = [
    ("a (red:1.5) fox", [("a", 1), ("red", 1.5), ("fox", 1)]),
    ("a ((red)) [fox] (of (ice:2) and:0.5) snow",
     [("a", 1), ("red", 1.21), ("fox", 1 / 1.1), ("of", 0.5), ("ice", 1), ("and", 0.5), ("snow", 1)]),
    ("a (red:0) fox, (snow:-0.5)", [("a", 1), ("red", 0), ("fox,", 1), ("snow", -0.5)]),
    # 74 tokens, then a word of several: it begins the second chunk.
    (many + " (photorealistically:1.3) drawn", [(many, 1), ("photorealistically", 1.3), ("drawn", 1)]),
    # A word of more than 8 tokens is cut where the chunk ends.
    (many + " qzxjvkwqzxjvkwqzxjvk (fox:1.4)", [(many, 1), ("qzxjvkwqzxjvkwqzxjvk", 1), ("fox", 1.4)]),
]


def chunks(pieces):
    result = [[]]
    for text, weight in pieces:
        for word in text.split(" "):
            group = [(t, weight) for t in tokenizer(word)["input_ids"][1:-1]]
            if len(group) < LONG and len(result[-1]) + len(group) > SIZE:
                result.append([])
            while group:
                room = SIZE - len(result[-1])
                if room == 0:
                    result.append([])
                    continue
                result[-1] += group[:room]
                group = group[room:]
    return result


def rows(chunk, padding):
    ids = [START] + [t for t, _ in chunk] + [END]
    return ids + [padding] * (77 - len(ids))


def encode(ids1, ids2):
    with torch.no_grad():
        a = first(torch.tensor([ids1]), output_hidden_states=True).hidden_states[-2]
        b = second(torch.tensor([ids2]), output_hidden_states=True)
    return torch.cat([a, b.hidden_states[-2]], -1)[0], b.text_embeds[0]


empty = encode(rows([], END), rows([], 0))[0]
tensors, metadata = {}, {"script": "scripts/make_prompt_references.py", "torch": torch.__version__}
for index, (prompt, pieces) in enumerate(CASES):
    ids1, ids2, weights, context, other, pooled = [], [], [], [], [], None
    for chunk in chunks(pieces):
        ids1.append(rows(chunk, END))
        ids2.append(rows(chunk, 0))
        w = [1.0] + [w for _, w in chunk] + [1.0] * (76 - len(chunk))
        weights.append(w)
        hidden, p = encode(ids1[-1], ids2[-1])
        pooled = p if pooled is None else pooled
        column = torch.tensor(w)[:, None]
        context.append(torch.where(column == 1, hidden, (hidden - empty) * column + empty))
        scaled = []
        for part in hidden.split([first.config.hidden_size, second.config.hidden_size], -1):
            scaled.append(part * column * (part.mean() / (part * column).mean()))
        other.append(torch.cat(scaled, -1))
    name = str(index)
    metadata[name] = prompt
    tensors[name + ".ids1"] = torch.tensor(ids1, dtype=torch.float32)
    tensors[name + ".ids2"] = torch.tensor(ids2, dtype=torch.float32)
    tensors[name + ".weights"] = torch.tensor(weights)
    tensors[name + ".context"] = torch.cat(context)
    tensors[name + ".pooled"] = pooled
    plain = (tensors[name + ".weights"].flatten() == 1)[:, None]
    moved = ((torch.cat(other) - tensors[name + ".context"]) * plain).norm()
    print(f"{prompt[:20]}...{prompt[-20:]}: {len(ids1)} chunks; A1111 moves unweighted tokens by "
          f"{moved / (tensors[name + '.context'] * plain).norm():.3f}")

save_file({k: v.contiguous() for k, v in tensors.items()}, sys.argv[2], metadata)
