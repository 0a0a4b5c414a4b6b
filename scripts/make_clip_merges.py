#!/usr/bin/env python3
"""Writes Sources/Model/Tables/clip_merges.txt from OpenAI's byte-pair table.

    make_clip_merges.py bpe_simple_vocab_16e6.txt.gz OUT.txt

Of its 262,144 merges CLIP uses the first 48,894; they stand one a line after the line "merges:", in
the order of their rank.
"""
import gzip
import sys

NOTICE = """\
Byte-pair merges of CLIP's tokenizer: the first 48,894 of bpe_simple_vocab_16e6.txt.gz of
https://github.com/openai/CLIP. Made by scripts/make_clip_merges.py.

MIT License

Copyright (c) 2021 OpenAI

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.

merges:
"""

lines = gzip.open(sys.argv[1]).read().decode("utf-8").split("\n")
merges = lines[1 : 49152 - 256 - 2 + 1]
assert len(merges) == 48894 and all(len(m.split(" ")) == 2 for m in merges)
with open(sys.argv[2], "w", encoding="utf-8", newline="\n") as out:
    out.write(NOTICE + "\n".join(merges) + "\n")
