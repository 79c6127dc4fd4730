"""docs/methods.md, the one place where formulas are written down: whole, and the formula of one heading.

docs/methods.<language>.md is the same in another language, heading by heading. Each heading names the English one's
anchor, as in ``## Guthaben {#cash}``, so that a figure's link leads to its section in every language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils.translation import get_language

WRITTEN_IN = "en"
HEADING = re.compile(r"^#{1,6} +(?P<words>.+?)(?: +\{#(?P<anchor>[\w-]+)\})?$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
FORMULA_ENDS = re.compile(r"^(- |\| )", re.MULTILINE)


def methods_language() -> str:
    """The language that is spoken, without its country, where the document is written in it; else English."""
    language = (get_language() or WRITTEN_IN).partition("-")[0]
    return language if language in _documents() else WRITTEN_IN


@cache
def _documents() -> dict[str, Path]:
    """The document's files by their language."""
    docs = settings.BASE_DIR / "docs"
    others = {path.name.split(".")[1]: path for path in docs.glob("methods.*.md")}
    return {WRITTEN_IN: docs / "methods.md"} | others


@cache
def methods_source(language: str = WRITTEN_IN) -> str:
    return _documents()[language].read_text(encoding="utf-8")


def formula(anchor: str) -> str:
    """What stands below the heading with that anchor, up to its details; empty where there is no such heading."""
    return _formula(anchor, methods_language())


@cache
def _formula(anchor: str, language: str) -> str:
    return next(filter(None, map(_plain, _sections(anchor, language))), "")


def _sections(anchor: str, language: str) -> Iterator[str]:
    """What has that anchor; a chapter may be called like its first section, whose anchor then has a number."""
    source = methods_source(language)
    places = list(HEADING.finditer(source))
    for place, heading in enumerate(places):
        if anchor in {anchor_of(heading), re.sub(r"_\d+$", "", anchor_of(heading))}:
            end = places[place + 1].start() if place + 1 < len(places) else len(source)
            yield source[heading.end() : end]


def row_of(anchor: str, key: str) -> str:
    """The row ``key`` of the table below that heading, a line a column with its name first; empty without one."""
    return _row_of(anchor, key, methods_language())


@cache
def _row_of(anchor: str, key: str, language: str) -> str:
    lines = [line for text in _sections(anchor, language) for line in text.splitlines() if line.startswith("| ")]
    rows = [[cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")] for line in lines]
    found = next((row for row in rows if row[0] == key), [])
    return "\n".join(f"{name}: {told}" for name, told in list(zip(rows[0], found, strict=True))[1:]) if found else ""


def anchor_of(heading: re.Match[str]) -> str:
    """The anchor that the heading names, else its words with dashes, as the page of methods makes them."""
    words = re.sub(r"[^\w\s-]", "", heading["words"]).strip().lower()
    return heading["anchor"] or re.sub(r"[-\s]+", "-", words)


def _plain(section: str) -> str:
    body = FORMULA_ENDS.split(section, maxsplit=1)[0]
    text = LINK.sub(r"\1", body).replace("**", "").replace("*", "").replace("`", "")
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return "\n".join(part for part in paragraphs if part)
