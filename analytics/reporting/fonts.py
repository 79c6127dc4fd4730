"""The fonts of printed reports: DejaVu from the front end's build, else the one that the PDF library brings."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

BUILT = Path(__file__).resolve().parents[2] / "static" / "dist" / "fonts"
PLAIN, BOLD = "Report", "Report-Bold"
FILES = {
    PLAIN: ("DejaVuSansCondensed.ttf", "Vera.ttf"),
    BOLD: ("DejaVuSansCondensed-Bold.ttf", "VeraBd.ttf"),
}
LACKING = "□"
SUBSTITUTE = "?"  # where the font lacks even the box


@cache
def register() -> frozenset[int]:
    """Make both fonts known to the PDF library; returns the characters that both have."""
    known = []
    for name, (built, brought) in FILES.items():
        path = BUILT / built
        font = TTFont(name, str(path) if path.is_file() else brought)
        pdfmetrics.registerFont(font)
        known.append(frozenset(font.face.charToGlyph))
    return known[0] & known[1]


def printable(text: str) -> str:
    """``text`` with a box for each character that the fonts lack; line ends and other controls become spaces."""
    known = register()
    box = LACKING if ord(LACKING) in known else SUBSTITUTE
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return "".join(letter if ord(letter) in known else box for letter in plain)


def lacking(text: str) -> bool:
    """Whether a box stands for something in ``text``."""
    known = register()
    return any(letter.isprintable() and ord(letter) not in known for letter in text)
