"""What pure code, stored records and reference data say in English, in the reader's language.

The pure packages know no languages, and a night's worker stores a reason for readers of every language: such a text is
worded where it is shown. analytics/texts lists them for the catalogues, portfolios/refused.py what rows of files were
refused for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext, pgettext

from analytics.texts import NAMED, WITH_VALUES
from core.errors import DomainError
from portfolios.retelling import retold

MOST_TEXTS = 500  # characters; longer ones are nobody's sentence
VALUE = re.compile(r"%\(\w+\)s")
REASON = "reason"
WITHIN = ("limit", "names", "unit")  # values that are texts themselves, or several with semicolons, as a reason is
TERMS = ("kind", "term")  # what of a trade, lot … an input is
DAYS = ("day", "start", "end")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def worded(text: Any) -> str:
    """``text`` in the language that is spoken, where it is one of those above or another text of the catalogue."""
    return _worded(text, WITH_VALUES)


def reason_worded(text: Any) -> str:
    """Why there is no figure or why work failed, of pure code or a stored refusal, in the language that is spoken."""
    found = worded(text)
    return found if found != str(text or "") else retold(found)


def input_worded(name: Any) -> str:
    """What an input of an explanation is called, in the language that is spoken."""
    return _worded(name, NAMED)


def _worded(text: Any, with_values: tuple[str, ...]) -> str:
    said = str(text) if text else ""
    if not said or (get_language() or "en").startswith("en") or len(said) > MOST_TEXTS:
        return said
    found = gettext(said)
    return found if found != said else _with_values(said, with_values)


class Worded(DomainError):
    """What pure code says, as a part of what another refusal says."""

    @property
    def message(self) -> str:
        return reason_worded(str(self))


def factor_worded(name: Any) -> str:
    """A factor's name in the language that is spoken: as a factor, “Value” is no amount and “Market” no exchange."""
    said = str(name) if name else ""
    found = pgettext("factor", said) if said else ""
    return found if found != said else worded(said)


def operation_worded(name: str) -> str:
    """What an operation of docs/explain.md, or an option of one, is called in the language that is spoken."""
    return pgettext("operation", name.replace("_", " "))


def step_worded(part: str) -> str:
    """What the part of the program that a step happens in is called in the language that is spoken."""
    return pgettext("step", part.replace("_", " ")) if part else ""


def day_worded(text: str) -> str:
    """A day of an explanation; as it is where the language is English, as everywhere there."""
    if (get_language() or "en").startswith("en") or not DAY.fullmatch(text):
        return text
    try:
        return date_format(date.fromisoformat(text), "SHORT_DATE_FORMAT")
    except ValueError:
        return text


def formula_worded(formula: str, names: Collection[str]) -> str:
    """How the numbers of a column are made of others, whose ``names`` are those of their columns."""
    found = worded(formula)
    if found != formula or (get_language() or "en").startswith("en"):
        return found
    return re.sub(r"[a-z_]{2,}", lambda name: worded(name[0].replace("_", " ")) if name[0] in names else name[0], found)


later = lazy(worded, str)  # for what is read before anybody's language is known


def _with_values(said: str, texts: tuple[str, ...]) -> str:
    for pattern, text in _patterns(texts):
        match = pattern.fullmatch(said)
        if match:
            return gettext(text) % {name: _within(name, value) for name, value in match.groupdict().items()}
    return said


def _within(name: str, value: str) -> str:
    if name in TERMS:
        return pgettext("input", value)
    if name in DAYS:
        return day_worded(value)
    if name == REASON:
        return "; ".join(map(reason_worded, value.split("; ")))
    return "; ".join(map(worded, value.split("; "))) if name in WITHIN else value


@cache
def _patterns(texts: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each text with values as a pattern that finds them; the one that says most comes first, as others fit it too."""
    return tuple((_pattern(text), text) for text in sorted(texts, key=_said, reverse=True))


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
