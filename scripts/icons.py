#!/usr/bin/env python
"""Draws the icons of the installed site, from the same shapes as static/icon.svg: ``python scripts/icons.py``."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).resolve().parent.parent / "static" / "icons"
BLUE, WHITE = "#1c5fc4", "#ffffff"
LINE = ((6, 22), (12.5, 15), (17.5, 19), (26, 9))  # on the 32 × 32 units of the drawing
FINER = 4  # drawn so many times larger, then made smaller, for smooth edges


def icon(size: int, *, corner: float, scale: float = 1.0) -> Image.Image:
    """``corner`` is the radius of the ground in units; ``scale`` shrinks the line towards the middle."""
    unit = size * FINER / 32
    drawn = Image.new("RGBA", (size * FINER, size * FINER), (0, 0, 0, 0))
    pen = ImageDraw.Draw(drawn)
    pen.rounded_rectangle((0, 0, size * FINER - 1, size * FINER - 1), corner * unit, fill=BLUE)
    points = [((16 + (x - 16) * scale) * unit, (16 + (y - 16) * scale) * unit) for x, y in LINE]
    width = 3 * scale * unit
    pen.line(points, fill=WHITE, width=round(width))
    for x, y in points:  # round ends and joins
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=WHITE)
    return drawn.resize((size, size), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, image in {
        "icon-192.png": icon(192, corner=7),
        "icon-512.png": icon(512, corner=7),
        "maskable-512.png": icon(512, corner=0, scale=0.75),  # a phone cuts its own shape out of it
        "apple-touch-icon.png": icon(180, corner=0, scale=0.85).convert("RGB"),
    }.items():
        image.save(FOLDER / name, optimize=True)
