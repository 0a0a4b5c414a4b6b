"""The quickstart's text encoders: two random CLIP transformers, and captions through them.

Their weights are the formula weights of `vkxl init --size tiny --seed 0`, so no file holds them. A
random transformer still tells captions apart: captions that differ in one word differ by 0.2 to
0.8 of a state's length at that word and after it.
"""
import math

import numpy as np
import torch

TEXT_ENCODER_1 = (64, 3, 256)    # width, layers, feed-forward width: as `vkxl init --size tiny`
TEXT_ENCODER_2 = (128, 3, 512)

WORDS = {  # CLIP byte-pair ids of the words that captions use, each a single token
    "a": 320, "an": 550, "on": 525, "background": 5994, "circle": 7117, "square": 3999,
    "triangle": 14615, "diamond": 6235, "star": 1565, "heart": 1936, "ring": 2540, "cross": 3417,
    "red": 736, "green": 1901, "blue": 1746, "yellow": 4481, "orange": 4287, "purple": 5496,
    "white": 1579, "black": 1449, "grey": 5046, "shape": 6448,
    "oval": 15039, "moon": 3293, "arrow": 11149, "bar": 2411, "house": 1212,
}
START_TOKEN, END_TOKEN = 49406, 49407


def formula_weight(name, shape):
    """The synthetic weight `name` of `vkxl init --seed 0`: splitmix64 over FNV-1a of the name.

    u = uniform on [-1, 1) from bits 40... of splitmix64(fnv1a64(name) + index); two or more
    dimensions: u sqrt(3 / fan-in), norm scales: 1 + 0.1 u, other vectors: 0.1 u; rounded to f16.
    """
    digest = 0xCBF29CE484222325
    for byte in name.encode():
        digest = ((digest ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.arange(math.prod(shape), dtype=np.uint64) + np.uint64(digest)
        z += np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (((z >> np.uint64(40)).astype(np.float64) / 2**24 - 0.5) * 2).astype(np.float32)
    if len(shape) >= 2:
        u = u * np.float32(math.sqrt(3 / math.prod(shape[1:])))
    else:
        u = np.float32(name.endswith("weight")) + np.float32(0.1) * u
    return torch.from_numpy(u.astype(np.float16).astype(np.float32).reshape(shape))


def text_encoder(widths, quick):
    """A CLIP text encoder of transformers; `quick` is encoder 1, else encoder 2 (projection)."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection
    width, layers, inner = widths
    config = CLIPTextConfig(
        vocab_size=49408, hidden_size=width, intermediate_size=inner, num_hidden_layers=layers,
        num_attention_heads=width // 64, max_position_embeddings=77, projection_dim=width,
        hidden_act="quick_gelu" if quick else "gelu", layer_norm_eps=1e-5, bos_token_id=START_TOKEN,
        eos_token_id=END_TOKEN, pad_token_id=1 if quick else 0)
    return (CLIPTextModel if quick else CLIPTextModelWithProjection)(config).eval()


def load_text_encoder_1():
    net = text_encoder(TEXT_ENCODER_1, quick=True)
    prefix = "conditioner.embedders.0.transformer.text_model."
    net.load_state_dict({
        name: value if "position_ids" in name else
        formula_weight(prefix + name.removeprefix("text_model."), tuple(value.shape))
        for name, value in net.state_dict().items()})
    return net


def load_text_encoder_2():
    """Encoder 2, whose names are OpenCLIP's: q, k, v in one matrix, projection transposed."""
    net = text_encoder(TEXT_ENCODER_2, quick=False)
    width = TEXT_ENCODER_2[0]
    prefix = "conditioner.embedders.1.model."
    renamed = {
        "embeddings.token_embedding.weight": "token_embedding.weight",
        "embeddings.position_embedding.weight": "positional_embedding",
        "final_layer_norm": "ln_final", "encoder.layers": "transformer.resblocks",
        "self_attn.out_proj": "attn.out_proj", "layer_norm1": "ln_1", "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
    }
    state = {}
    for name, value in net.state_dict().items():
        if "position_ids" in name:
            state[name] = value
            continue
        if name == "text_projection.weight":
            state[name] = formula_weight(prefix + "text_projection", (width, width)).T
            continue
        single = name.removeprefix("text_model.")
        for ours, theirs in renamed.items():
            single = single.replace(ours, theirs)
        for index, part in enumerate(("q_proj", "k_proj", "v_proj")):
            if f"self_attn.{part}." in single:
                end = single.rsplit(".", 1)[1]
                single = single.replace(f"self_attn.{part}.{end}", f"attn.in_proj_{end}")
                shape = (3 * width, width) if end == "weight" else (3 * width,)
                whole = formula_weight(prefix + single, shape)
                state[name] = whole[index * width:(index + 1) * width]
        if name not in state:
            state[name] = formula_weight(prefix + single, tuple(value.shape))
    net.load_state_dict(state)
    return net


def encode_captions(captions):
    """caption -> (context [77, 192], pooled [128]): SDXL's penultimate states and projection."""
    first, second = load_text_encoder_1(), load_text_encoder_2()
    result = {}
    for text in captions:
        ids = [START_TOKEN] + [WORDS[word] for word in text.split()] + [END_TOKEN]
        one = torch.tensor([ids + [END_TOKEN] * (77 - len(ids))])
        two = torch.tensor([ids + [0] * (77 - len(ids))])
        with torch.no_grad():
            hidden = first(one, output_hidden_states=True).hidden_states[-2]
            other = second(two, output_hidden_states=True)
        result[text] = (torch.cat([hidden, other.hidden_states[-2]], -1)[0], other.text_embeds[0])
    return result
