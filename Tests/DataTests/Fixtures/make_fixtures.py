#!/usr/bin/env python3
"""Makes the pictures that DataTests read and what Pillow makes of them.

Run from anywhere: python3 make_fixtures.py (pillow 13.0.0 with libjpeg-turbo 3.2.0 and libwebp
1.6.0, numpy 2.4.6 made the committed files).

pictures/NAME          the file under test
pictures/NAME.rgb      what it must decode to: width and height as little-endian uint32, then 8-bit
                       RGB (16-bit values for the *16 names), turned upright, over white
resize/FROM-WxH.rgb    Image.resize((W, H), Image.LANCZOS) of resize/FROM.rgb
"""
import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "pictures"
RESIZE = HERE / "resize"
rng = np.random.default_rng(2024)


def scene(width, height, noise=20):
    """Smooth colours, a hard edge and some noise."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([
        127 + 120 * np.sin(x / 5.0 + y / 9.0),
        255.0 * x / max(1, width - 1),
        255.0 * y / max(1, height - 1),
    ], axis=-1)
    rgb[(x + 2 * y) % 23 < 5] = (250, 20, 30)
    rgb += rng.normal(0, noise, rgb.shape)
    return np.clip(rgb, 0, 255).round().astype(np.uint8)


def store(path, array):
    height, width = array.shape[:2]
    data = array.astype("<u2" if array.dtype == np.uint16 else np.uint8).tobytes()
    path.write_bytes(struct.pack("<II", width, height) + data)


def over_white(image):
    """As Pillow composites it."""
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))


def expect(name):
    with Image.open(PICTURES / name) as image:
        store(PICTURES / f"{name}.rgb", over_white(ImageOps.exif_transpose(image)))


def save(name, image, **options):
    image.save(PICTURES / name, **options)
    expect(name)


def exif(orientation, big_endian=False):
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "maker"
    block.endian = ">" if big_endian else "<"
    return block.tobytes()


def pngs():
    rgb = Image.fromarray(scene(29, 21))
    alpha = Image.fromarray(rng.integers(0, 256, (21, 29), dtype=np.uint8))
    save("rgb.png", rgb)
    save("grey.png", rgb.convert("L"))
    la = Image.merge("LA", (rgb.convert("L"), alpha))
    save("grey-alpha.png", la)
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    save("rgba.png", rgba)
    save("palette.png", rgb.quantize(17))
    save("palette2.png", rgb.quantize(4), bits=2)
    save("palette-alpha.png", rgba.quantize(32, method=Image.Quantize.FASTOCTREE))
    save("bits1.png", rgb.convert("1"))
    grey = rgb.convert("L")
    key = grey.getpixel((3, 4))
    save("grey-key.png", grey, transparency=key)
    save("rgb-key.png", rgb, transparency=rgb.getpixel((5, 6)))
    save("exif3.png", rgb, exif=exif(3, big_endian=True))

    grey16 = rng.integers(0, 65536, (9, 13), dtype=np.uint16)
    Image.fromarray(grey16).save(PICTURES / "grey16.png")
    store(PICTURES / "grey16.png.rgb", np.repeat(grey16[..., None], 3, axis=-1))
    # Pillow neither writes 16-bit colour nor interlaces: these are put together here.
    rgb16 = rng.integers(0, 65536, (9, 13, 3), dtype=np.uint16)
    (PICTURES / "rgb16.png").write_bytes(raw_png(rgb16, bit_depth=16, colour=2))
    store(PICTURES / "rgb16.png.rgb", rgb16)
    rgba16 = rng.integers(0, 65536, (9, 13, 4), dtype=np.uint16)
    (PICTURES / "rgba16.png").write_bytes(raw_png(rgba16, bit_depth=16, colour=6))
    a = rgba16[..., 3:].astype(np.int64)
    white = (rgba16[..., :3] * a + 65535 * (65535 - a) + 32767) // 65535
    store(PICTURES / "rgba16.png.rgb", white.astype(np.uint16))
    array = np.asarray(rgb)
    (PICTURES / "interlaced.png").write_bytes(raw_png(array, bit_depth=8, colour=2, adam7=True))
    expect("interlaced.png")
    assert np.array_equal(np.asarray(Image.open(PICTURES / "interlaced.png")), array)


def chunk(kind, data):
    import zlib
    return (struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data)))


def raw_png(array, bit_depth, colour, adam7=False):
    import zlib
    height, width = array.shape[:2]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2)] if adam7 else [(0, 0, 1, 1)]
    rows = b""
    for x, y, dx, dy in passes:
        part = array[y::dy, x::dx]
        if part.size:
            for row in part:
                rows += b"\0" + row.astype(">u2" if bit_depth == 16 else np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour, 0, 0, int(adam7))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def jpegs():
    rgb = Image.fromarray(scene(45, 30, noise=3))
    for orientation in range(1, 9):
        save(f"exif{orientation}.jpg", rgb, quality=90, exif=exif(orientation, orientation % 2 == 0))
    save("grey.jpg", rgb.convert("L"), quality=90)
    save("progressive.jpg", rgb, quality=90, progressive=True)
    save("full-chroma.jpg", rgb, quality=95, subsampling=0)
    save("cmyk.jpg", rgb.convert("CMYK"), quality=95)


def webps():
    rgb = Image.fromarray(scene(33, 27, noise=3))
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(rng.integers(0, 256, (27, 33), dtype=np.uint8)))
    save("lossy.webp", rgb, quality=90)
    save("lossy-alpha.webp", rgba, quality=90)
    save("lossless.webp", rgb, lossless=True)
    save("lossless-alpha.webp", rgba, lossless=True, exact=True)
    save("exif6.webp", rgb, lossless=True, exif=exif(6))
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(PICTURES / "animated.webp", save_all=True, append_images=frames[1:])


def damaged():
    def cut(source, name, keep):
        data = (PICTURES / source).read_bytes()
        (PICTURES / name).write_bytes(data[:int(len(data) * keep)])

    cut("rgb.png", "truncated.png", 0.6)
    cut("exif1.jpg", "truncated.jpg", 0.7)
    cut("lossy.webp", "truncated.webp", 0.6)
    cut("lossless.webp", "truncated-lossless.webp", 0.6)
    data = bytearray((PICTURES / "rgb.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (PICTURES / "flipped-byte.png").write_bytes(data)
    (PICTURES / "garbage.png").write_bytes(rng.bytes(300))
    (PICTURES / "empty.png").write_bytes(b"")
    header = struct.pack(">IIBBBBB", 900_000, 900_000, 8, 2, 0, 0, 0)
    (PICTURES / "huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    buffer = io.BytesIO()
    Image.fromarray(scene(8, 8)).save(buffer, "GIF")
    (PICTURES / "picture.gif").write_bytes(buffer.getvalue())


def resizes():
    cases = {
        "noise": (rng.integers(0, 256, (31, 47, 3), dtype=np.uint8),
                  [(16, 16), (47, 13), (20, 31), (94, 62), (101, 33), (1, 1), (5, 90)]),
        "edges": (np.kron(rng.integers(0, 2, (6, 7, 3)), np.ones((5, 5, 1))).astype(np.uint8) * 255,
                  [(64, 64), (11, 9), (37, 30)]),
        "scene": (scene(120, 80, noise=0), [(64, 43), (33, 80)]),
        "dot": (scene(1, 1), [(7, 3)]),
    }
    for name, (array, sizes) in cases.items():
        store(RESIZE / f"{name}.rgb", array)
        for size in sizes:
            result = Image.fromarray(array).resize(size, Image.LANCZOS)
            store(RESIZE / f"{name}-{size[0]}x{size[1]}.rgb", np.asarray(result))


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    RESIZE.mkdir(exist_ok=True)
    pngs()
    jpegs()
    webps()
    damaged()
    resizes()
    total = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    print(f"{total} bytes")
