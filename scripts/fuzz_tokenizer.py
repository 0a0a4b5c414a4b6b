#!/usr/bin/env python3
"""Compares `vkxl tokenize` with transformers' CLIPTokenizer over random Unicode text.

    fuzz_tokenizer.py bpe_simple_vocab_16e6.txt.gz VKXL [COUNT [SEED]]
    fuzz_tokenizer.py bpe_simple_vocab_16e6.txt.gz --write OUT.json

The second form writes Tests/ModelTests/Fixtures/tokens_random.json: 600 texts, each with all of its
ids, without start, end and padding. Needs transformers (5.23.0) and tokenizers (0.23.3).
"""
import gzip
import json
import random
import subprocess
import sys
import unicodedata

from transformers import CLIPTokenizer


def reference(path):
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]
    lines = gzip.open(path).read().decode("utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
    words = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    assert len(vocabulary) == 49408
    return CLIPTokenizer(vocab=vocabulary, merges=merges)


SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
POOLS = [
    SCALARS,
    [c for c in SCALARS if unicodedata.combining(chr(c))],
    [c for c in SCALARS if unicodedata.decomposition(chr(c))],
    [c for c in SCALARS if unicodedata.category(chr(c)) in ("Lu", "Lt")],
    [c for c in SCALARS if unicodedata.category(chr(c))[0] == "N"],
    [c for c in SCALARS if chr(c).isspace()] + [0x180E, 0x200B, 0x200C, 0x200D, 0xFEFF],
    [*range(0x1100, 0x1200), *range(0xAC00, 0xD7A4, 7)],
    list(range(0x20, 0x7F)),
    list(range(0x20, 0x7F)),
    list(range(0xA0, 0x530)),
    list(range(0x20)),
    list(range(0x900, 0xE00)),
    list(range(0x10000, 0x1F000)),
    list(range(0x1F300, 0x1FAFF)),
    list(range(0xE0000, 0xE01F0)),
    [0x27, 0x73, 0x74, 0x53],
]
WORDS = ["<|startoftext|>", "<|endoftext|>", "<|ENDOFTEXT|>", "<|StartOfText|>", "<|", "|>", "'s"]
WORDS += ["'RE", "'ll", "Photo", "masterpiece", " ", "the ", "&amp;", "</w>", "ΟΔΟΣ", "İ", "ẞ"]
WORDS += ["\u202e", "👨\u200d👩\u200d👧", "e\u0301", "\u0301", "가\u11a8", "ﷺ"]


def text(r):
    pools = r.sample(POOLS, r.randint(1, 4))
    length = r.randint(1, 40)
    return "".join(
        r.choice(WORDS) if r.random() < 0.15 else chr(r.choice(r.choice(pools)))
        for _ in range(length)
    )


def main():
    tokenizer = reference(sys.argv[1]).backend_tokenizer
    if sys.argv[2] == "--write":
        r = random.Random(0)
        texts = [text(r) for _ in range(600)]
        ids = [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
        with open(sys.argv[3], "w") as out:
            rows = [json.dumps({"text": t, "ids": i}) for t, i in zip(texts, ids)]
            out.write("[\n" + ",\n".join(rows) + "\n]\n")
        sys.exit()

    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    r = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    # One text a line: none holds what ends a line.
    texts = [text(r).replace("\n", " ").replace("\r", " ") for _ in range(count)]
    texts += ["a" + chr(c) + "b" for c in SCALARS if c not in (10, 13)]
    run = subprocess.run(
        [sys.argv[2], "tokenize"], input="\n".join(texts).encode() + b"\n", stdout=subprocess.PIPE, check=True
    )
    found = [json.loads(line) for line in run.stdout.decode().splitlines()]
    assert len(found) == len(texts), (len(found), len(texts))
    wrong = 0
    for start in range(0, len(texts), 20_000):
        batch = texts[start : start + 20_000]
        encodings = tokenizer.encode_batch(batch, add_special_tokens=False)
        for t, encoding, ids in zip(batch, encodings, found[start:]):
            expected = [49406, *encoding.ids[:75], 49407]
            expected += [49407] * (77 - len(expected))
            if ids != expected:
                wrong += 1
                if wrong <= 10:
                    print(ascii(t), expected, ids, sep="\n  ")
    print(f"{len(texts)} texts, {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
