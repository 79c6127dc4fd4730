"""docs/methods.md, the one place where formulas are written down: whole, and the formula of one heading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from django.conf import settings

HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
FORMULA_ENDS = re.compile(r"^(- |\| )", re.MULTILINE)


@cache
def methods_source() -> str:
    return (settings.BASE_DIR / "docs" / "methods.md").read_text(encoding="utf-8")


@cache
def formula(anchor: str) -> str:
    """What stands below the heading with that anchor, up to its details; empty where there is no such heading."""
    return next(filter(None, map(_plain, _sections(anchor))), "")  # a chapter may be called like its first section


def _sections(anchor: str) -> Iterator[str]:
    source = methods_source()
    places = list(HEADING.finditer(source))
    for place, heading in enumerate(places):
        if anchor_of(heading[1]) == anchor:
            end = places[place + 1].start() if place + 1 < len(places) else len(source)
            yield source[heading.end() : end]


@cache
def row_of(anchor: str, key: str) -> str:
    """The row ``key`` of the table below that heading, a line a column with its name first; empty without one."""
    lines = [line for section in _sections(anchor) for line in section.splitlines() if line.startswith("| ")]
    rows = [[cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")] for line in lines]
    found = next((row for row in rows if row[0] == key), [])
    return "\n".join(f"{name}: {told}" for name, told in list(zip(rows[0], found, strict=True))[1:]) if found else ""


def anchor_of(heading: str) -> str:
    """The heading's words with dashes, as the page of methods makes them."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def _plain(section: str) -> str:
    body = FORMULA_ENDS.split(section, maxsplit=1)[0]
    text = LINK.sub(r"\1", body).replace("**", "").replace("*", "").replace("`", "")
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return "\n".join(part for part in paragraphs if part)
