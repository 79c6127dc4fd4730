"""What pure code, stored records and reference data say in English, in the reader's language.

The pure packages know no languages, and a night's worker stores a reason for readers of every language: such a text is
worded where it is shown. analytics/texts.py lists them for the catalogues.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from django.utils.functional import lazy
from django.utils.translation import get_language, gettext, pgettext

from analytics.texts import WITH_VALUES
from core.errors import DomainError

MOST_TEXTS = 500  # characters; longer ones are nobody's sentence
VALUE = re.compile(r"%\(\w+\)s")
WITHIN = ("reason", "limit", "names", "unit")  # values that are texts themselves, or several with semicolons


def worded(text: Any) -> str:
    """``text`` in the language that is spoken, where it is one of those above or another text of the catalogue."""
    said = str(text) if text else ""
    if not said or (get_language() or "en").startswith("en") or len(said) > MOST_TEXTS:
        return said
    found = gettext(said)
    return found if found != said else _with_values(said)


class Worded(DomainError):
    """What pure code says, as a part of what another refusal says."""

    @property
    def message(self) -> str:
        return worded(str(self))


def factor_worded(name: Any) -> str:
    """A factor's name in the language that is spoken: as a factor, “Value” is no amount and “Market” no exchange."""
    said = str(name) if name else ""
    found = pgettext("factor", said) if said else ""
    return found if found != said else worded(said)


later = lazy(worded, str)  # for what is read before anybody's language is known


def _with_values(said: str) -> str:
    for pattern, text in _patterns():
        match = pattern.fullmatch(said)
        if match:
            return gettext(text) % {name: _within(name, value) for name, value in match.groupdict().items()}
    return said


def _within(name: str, value: str) -> str:
    return "; ".join(map(worded, value.split("; "))) if name in WITHIN else value


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each text with values as a pattern that finds them; the one that says most comes first, as others fit it too."""
    return tuple((_pattern(text), text) for text in sorted(WITH_VALUES, key=_said, reverse=True))


def _said(text: str) -> int:
    """How many characters a text has beside its values."""
    return len(VALUE.sub("", text))


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(text)), re.IGNORECASE)


def chart_worded(told: Mapping[str, Any]) -> dict[str, Any]:
    """What charts.told tells, its lines and marks in the language that is spoken."""
    drawn = told["json"]
    series = [line | {"name": worded(line["name"])} for line in drawn["series"]]
    marks = [
        group | {"points": [[day, level, worded(text)] for day, level, text in group["points"]]}
        for group in drawn["marks"]
    ]
    lines = [replace(line, name=worded(line.name)) for line in told["lines"]]
    return {**told, "lines": lines, "json": drawn | {"series": series, "marks": marks}}
