#!/usr/bin/env python3
"""Writes Sources/Model/Tables/clip_unicode.txt: what the reference tokenizer knows of Unicode.

    make_clip_unicode.py OUT.txt

Asked of the reference itself, scalar by scalar, because its parts follow different versions of
Unicode (letters and numbers, lower case, and normalisation each come from a library of their own),
and because what a system's or a language's library knows changes with its version.

Lines begin with what they hold, all numbers are hexadecimal:

    letter A-B ...        \\p{L}, ranges with both ends
    number A-B ...        \\p{N}
    space A-B ...         \\s
    lower A-B/S>T ...     lower case: A, A+S, ... B become T, T+S, ...; A>T.U where it becomes two
    class-K A-B ...       canonical combining class K (decimal)
    pair A=B.C ...        A is B followed by C, and these compose to A
    split A=B.C ... A=B   A decomposes so, and nothing composes to it
"""
import sys
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

SCALARS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
NFC, NFD, LOWER = normalizers.NFC(), normalizers.NFD(), normalizers.Lowercase()


def matching(pattern):
    """Scalars that the pattern matches one by one."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    others = set()
    for start in range(0, len(SCALARS), 4096):
        for piece, _ in split.pre_tokenize_str("".join(SCALARS[start : start + 4096])):
            others.update(piece)
    return [ord(c) for c in SCALARS if c not in others]


def ranges(codes):
    result = []
    for code in sorted(codes):
        if result and code == result[-1][1] + 1:
            result[-1][1] = code
        else:
            result.append([code, code])
    return [f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in result]


def lower_items():
    """Runs with one distance between source and target, of every or every second scalar."""
    runs, items = [], []
    for c in SCALARS:
        target = LOWER.normalize_str(c)
        if target == c:
            continue
        if len(target) > 1:
            items.append(f"{ord(c):X}>" + ".".join(f"{ord(t):X}" for t in target))
            continue
        code, distance = ord(c), ord(target) - ord(c)
        for run in reversed(runs[-2:]):
            first, last, step, run_distance = run
            if distance == run_distance and code - last in (1, 2) and step in (0, code - last):
                run[1], run[2] = code, code - last
                break
        else:
            runs.append([code, code, 0, distance])
    for first, last, step, distance in runs:
        end = "" if first == last else f"-{last:X}" + ("/2" if step == 2 else "")
        items.append(f"{first:X}{end}>{first + distance:X}")
    return items


def combining_classes():
    """class -> scalars. Two marks are exchanged exactly when the first one's class is larger."""

    def exchanges(a, b):
        return a != b and NFD.normalize_str("a" + a + b) == "a" + b + a

    marks = {}
    for c in SCALARS:
        if unicodedata.combining(c):
            marks.setdefault(unicodedata.combining(c), []).append(c)
    # One scalar of each class that the reference knows: exchanged with overlay or iota below.
    known = {}
    for k, members in marks.items():
        for c in members:
            if exchanges(c, "\u0334") or exchanges("\u0345", c):
                known[k] = c
                break
    result = {}
    for c in SCALARS:
        if len(NFD.normalize_str(c)) != 1 or NFD.normalize_str(c) != c:
            continue
        if not (exchanges(c, "\u0334") or exchanges("\u0345", c)):
            continue
        above = {k for k, r in known.items() if exchanges(r, c)}
        below = {k for k, r in known.items() if exchanges(c, r)}
        (same,) = known.keys() - above - below
        assert all(k > same for k in above) and all(k < same for k in below)
        result.setdefault(same, []).append(ord(c))
    return result


def decompositions():
    pairs, splits = [], []
    for c in SCALARS:
        whole = NFD.normalize_str(c)
        if whole == c or 0xAC00 <= ord(c) <= 0xD7A3:
            continue
        first = NFC.normalize_str(whole[:-1])
        if len(first) == 1 and NFC.normalize_str(c) == c:
            assert NFC.normalize_str(first + whole[-1]) == c
            pairs.append(f"{ord(c):X}={ord(first):X}.{ord(whole[-1]):X}")
        else:
            splits.append(f"{ord(c):X}=" + ".".join(f"{ord(d):X}" for d in whole))
    return pairs, splits


def write(out, kind, items):
    line = kind
    for item in items:
        if len(line) + 1 + len(item) > 100:
            out.write(line + "\n")
            line = kind
        line += " " + item
    out.write(line + "\n")


with open(sys.argv[1], "w", encoding="ascii", newline="\n") as out:
    out.write(
        f"# Made by scripts/make_clip_unicode.py from tokenizers {tokenizers.__version__}; "
        "it says what the lines mean.\n"
    )
    write(out, "letter", ranges(matching(r"\p{L}")))
    write(out, "number", ranges(matching(r"\p{N}")))
    write(out, "space", ranges(matching(r"\s")))
    write(out, "lower", lower_items())
    for k, codes in sorted(combining_classes().items()):
        write(out, f"class-{k}", ranges(codes))
    pairs, splits = decompositions()
    write(out, "pair", pairs)
    write(out, "split", splits)
