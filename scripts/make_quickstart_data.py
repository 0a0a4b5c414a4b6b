#!/usr/bin/env python3
"""Draws the image folder of the quickstart: coloured shapes with one-line captions.

    python scripts/make_quickstart_data.py --out Examples/quickstart/data

Writes `10_shapes/NNN.png` and `10_shapes/NNN.txt`: 96 pictures (64 of 64x64, 16 of 96x64 and 16 of
64x96 pixels) of a star, a heart, a ring or a cross in one of six colours on one of three
backgrounds, e.g. "a red star on a white background". The eight combinations in HELD_OUT are never
drawn: they are the prompts of the sampled grid, so that the grid shows what was learned rather
than what was memorised.

Deterministic: the same seed gives the same bytes with the same Pillow (made with Pillow 13.0.0).
Takes a second. `make_quickstart_model.py` draws its training pictures with the functions below.
"""
import argparse
import math
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (220, 40, 40), "green": (40, 160, 70), "blue": (45, 85, 225),
    "yellow": (240, 210, 50), "orange": (240, 135, 30), "purple": (140, 60, 180),
}
BACKGROUNDS = {"white": (245, 245, 245), "black": (20, 20, 20), "grey": (128, 128, 128)}
BASE_SHAPES = ("circle", "square", "triangle", "diamond", "oval", "moon", "arrow", "bar", "house")
NEW_SHAPES = ("star", "heart", "ring", "cross")
HELD_OUT = (
    ("star", "red", "white"), ("heart", "purple", "white"), ("ring", "blue", "black"),
    ("cross", "yellow", "black"), ("star", "orange", "black"), ("heart", "red", "grey"),
    ("ring", "green", "white"), ("cross", "purple", "grey"),
)
SUPERSAMPLING = 4


def caption(shape, colour, background):
    """The one caption form that everything in the quickstart uses."""
    return f"{'an' if colour == 'orange' else 'a'} {colour} {shape} on a {background} background"


def star_outline(points, inner):
    """Corners of a star, one point upwards; `inner` is the inner radius over the outer."""
    corners = []
    for i in range(2 * points):
        radius = inner if i % 2 else 1.0
        angle = math.pi * (i / points - 0.5)
        corners.append((radius * math.cos(angle), radius * math.sin(angle)))
    return corners


def heart_outline():
    """x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t, scaled to radius 1."""
    corners = []
    for i in range(60):
        t = 2 * math.pi * i / 60
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        corners.append((x / 16, -(y + 2.5) / 16))
    return corners


def moon_outline():
    """A crescent: half of the unit circle, and back along a flatter arc."""
    angles = [math.pi * (i / 30 - 0.5) for i in range(31)]
    return ([(0.4 - math.cos(a), math.sin(a)) for a in angles]
            + [(0.4 - 0.35 * math.cos(a), math.sin(a)) for a in reversed(angles)])


OUTLINES = {
    "oval": [(math.cos(math.pi * i / 20), 0.55 * math.sin(math.pi * i / 20)) for i in range(40)],
    "moon": moon_outline(),
    "arrow": [(-1, -0.3), (0.1, -0.3), (0.1, -0.8), (1, 0), (0.1, 0.8), (0.1, 0.3), (-1, 0.3)],
    "bar": [(-1, -0.3), (1, -0.3), (1, 0.3), (-1, 0.3)],
    "house": [(-0.75, 0.9), (-0.75, -0.1), (0, -0.95), (0.75, -0.1), (0.75, 0.9)],
    "square": [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)],
    "triangle": [(0, -0.95), (0.95, 0.75), (-0.95, 0.75)],
    "diamond": [(0, -1), (0.7, 0), (0, 1), (-0.7, 0)],
    "cross": [(-0.32, -1), (0.32, -1), (0.32, -0.32), (1, -0.32), (1, 0.32), (0.32, 0.32),
              (0.32, 1), (-0.32, 1), (-0.32, 0.32), (-1, 0.32), (-1, -0.32), (-0.32, -0.32)],
    "star": star_outline(5, 0.42),
    "heart": heart_outline(),
}


def fill_shape(canvas, shape, centre, radius, colour, background):
    """Fills a shape, named or a list of corners; `centre` and `radius` in pixels of the canvas."""
    x, y = centre
    if shape in ("circle", "ring"):
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        if shape == "ring":
            hole = radius * 0.5
            canvas.ellipse((x - hole, y - hole, x + hole, y + hole), fill=background)
    else:
        outline = OUTLINES[shape] if isinstance(shape, str) else shape
        canvas.polygon([(x + radius * u, y + radius * v) for u, v in outline], fill=colour)


def draw(shape, colour, background, size, rng):
    """One picture of `size` (width, height): the shape near the middle, place and size jittered."""
    width, height = size
    s = SUPERSAMPLING
    image = Image.new("RGB", (width * s, height * s), BACKGROUNDS[background])
    radius = rng.uniform(22.0, 26.0)
    centre = (width / 2 + rng.uniform(-2, 2), height / 2 + rng.uniform(-2, 2))
    fill_shape(ImageDraw.Draw(image), shape, (centre[0] * s, centre[1] * s), radius * s,
               COLOURS[colour], BACKGROUNDS[background])
    return image.resize((width, height), Image.Resampling.BOX)


def random_colour(rng):
    """One of the palette with a little change, or any colour."""
    if rng.random() < 0.2:
        return tuple(rng.randrange(256) for _ in range(3))
    base = rng.choice(list(COLOURS.values()) + list(BACKGROUNDS.values()))
    return tuple(min(255, max(0, c + rng.randint(-12, 12))) for c in base)


def random_background(rng, side):
    """A plain colour or a linear gradient between two."""
    first = random_colour(rng)
    if rng.random() < 0.9:
        return Image.new("RGB", (side, side), first)
    second = random_colour(rng)
    angle = rng.uniform(0, 2 * math.pi)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    ramp = np.clip(0.5 + x * math.cos(angle) + y * math.sin(angle), 0, 1)[..., None]
    pixels = np.array(first) * (1 - ramp) + np.array(second) * ramp
    return Image.fromarray(pixels.round().astype(np.uint8))


def random_outline(rng):
    """A rotated star, regular polygon or irregular polygon of radius 1."""
    turn = rng.uniform(0, 2 * math.pi)
    points = rng.randint(3, 8)
    kind = rng.random()
    if kind < 0.4:
        outline = star_outline(points, rng.uniform(0.3, 0.8))
    elif kind < 0.5:
        outline = OUTLINES[rng.choice(BASE_SHAPES[1:])]
    else:
        wobble = 0.0 if kind < 0.7 else 0.5
        outline = [((1 - wobble * rng.random()) * math.cos(2 * math.pi * i / points),
                    (1 - wobble * rng.random()) * math.sin(2 * math.pi * i / points))
                   for i in range(points)]
    c, s = math.cos(turn), math.sin(turn)
    return [(c * u - s * v, s * u + c * v) for u, v in outline]


def random_picture(rng, side=64):
    """One to three random shapes on a random background: what the autoencoder learns from."""
    scale = SUPERSAMPLING
    image = random_background(rng, side * scale)
    canvas = ImageDraw.Draw(image)
    for _ in range(rng.choice((1, 1, 2, 3))):
        x, y = (rng.gauss(0.5, 0.18) * side * scale for _ in range(2))
        radius, colour = rng.uniform(0.12, 0.42) * side * scale, random_colour(rng)
        kind = rng.random()
        if kind < 0.35:
            squash = radius * rng.choice((1, 1, rng.uniform(0.4, 1)))
            width = rng.choice((None, int(radius * rng.uniform(0.2, 0.6))))
            box = (x - radius, y - squash, x + radius, y + squash)
            if width:
                canvas.ellipse(box, outline=colour, width=width)
            else:
                canvas.ellipse(box, fill=colour)
        elif kind < 0.5:
            dx, dy = rng.gauss(0, radius), rng.gauss(0, radius)
            canvas.line((x - dx, y - dy, x + dx, y + dy), fill=colour,
                        width=int(radius * rng.uniform(0.15, 0.6)) + 1)
        else:
            canvas.polygon([(x + radius * u, y + radius * v) for u, v in random_outline(rng)],
                           fill=colour)
    return image.resize((side, side), Image.Resampling.BOX)


def random_centred_picture(rng, side=64):
    """One large random shape near the middle of a plain background; any rotation, many outlines."""
    scale = SUPERSAMPLING
    background, colour = random_colour(rng), random_colour(rng)
    image = Image.new("RGB", (side * scale, side * scale), background)
    canvas = ImageDraw.Draw(image)
    x, y = ((side / 2 + rng.uniform(-6, 6)) * scale for _ in range(2))
    radius = rng.uniform(0.25, 0.4) * side * scale
    kind = rng.random()
    if kind < 0.3:
        hole = radius * rng.choice((0, rng.uniform(0.3, 0.7)))
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        canvas.ellipse((x - hole, y - hole, x + hole, y + hole), fill=background)
    else:
        outline = random_outline(rng) if kind < 0.75 else OUTLINES[rng.choice(sorted(OUTLINES))]
        canvas.polygon([(x + radius * u, y + radius * v) for u, v in outline], fill=colour)
    return image.resize((side, side), Image.Resampling.BOX)


def write_folder(out, repeats, seed):
    """Writes every combination but the held-out ones, then 16 wide and 16 tall pictures of them."""
    folder = out / f"{repeats}_shapes"
    folder.mkdir(parents=True, exist_ok=True)
    combinations = [(shape, colour, background) for shape in NEW_SHAPES for colour in COLOURS
                    for background in BACKGROUNDS if (shape, colour, background) not in HELD_OUT]
    extra = random.Random(seed)
    wide = extra.sample(combinations, 16)
    tall = extra.sample(combinations, 16)
    pictures = ([(c, (64, 64)) for c in combinations] + [(c, (96, 64)) for c in wide]
                + [(c, (64, 96)) for c in tall])
    for index, (words, size) in enumerate(pictures):
        rng = random.Random(seed * 1_000_003 + index)
        draw(*words, size, rng).save(folder / f"{index:03d}.png", optimize=True)
        (folder / f"{index:03d}.txt").write_text(caption(*words) + "\n")
    return len(pictures)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("Examples/quickstart/data"))
    parser.add_argument("--repeats", type=int, default=10, help="the N of the folder's N_shapes")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    count = write_folder(arguments.out, arguments.repeats, arguments.seed)
    print(f"{count} pictures in {arguments.out}")


if __name__ == "__main__":
    main()
