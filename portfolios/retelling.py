"""Refusals in the reader's language: of errors, and of what a proposal kept of them in English."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from babel.messages.mofile import read_mo
from django.conf import settings
from django.utils.translation import get_language, gettext, to_locale

from core.errors import DomainError, NotReady
from core.web import localised

VALUE = re.compile(r"\{([A-Za-z_]\w*)(?:[!:][^{}]*)?\}")
QUOTED = re.compile(r"“\{([A-Za-z_]\w*)\}”")  # a value that is told letter by letter
# A column, a transfer or a provider, and what is said of it.
PLACED = re.compile(r"(\w+(?: “[^”]*”)?): (.+)", re.DOTALL)
GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")
REASON = "reason"  # the value that is a text itself
LONGEST = 1000  # characters; what is stored is cut there
DEEPEST = 5  # texts within one another: a line, its transfer, a column, what is refused, and why


def told(error: DomainError | NotReady) -> str:
    return error.message if isinstance(error, DomainError) else gettext(str(error))


def retold(text: str) -> str:
    """A refusal as ``str`` gave it, in the language that is spoken; its values stay as they are, but for a reason.

    It is for refusals only: a name of somebody's can read like one of them, or like its beginning.
    """
    language = get_language() or "en"
    return text if language.startswith("en") or len(text) > LONGEST else _retold(text, language, DEEPEST)


def _retold(text: str, language: str, deep: int) -> str:
    """``text`` whole, by its values, behind what it is said of, or without its point."""
    if not text or not deep:
        return text
    found = gettext(text)
    if found == text:
        found = _with_values(text, language, deep)
    if found == text and (match := PLACED.fullmatch(text)):
        found = f"{match[1]}: {_retold(match[2], language, deep - 1)}"
    if found == text and text.endswith("."):
        found = f"{_retold(text[:-1], language, deep - 1)}."
    return found


def _with_values(text: str, language: str, deep: int) -> str:
    for pattern, template in _patterns(language):
        match = pattern.fullmatch(text)
        if match:
            quoted, said = QUOTED.findall(template), match.groupdict()
            values = {name: value if name in quoted else _localised(value) for name, value in said.items()}
            if REASON in said:
                values[REASON] = _retold(said[REASON], language, deep - 1)
            found = VALUE.sub(r"{\1}", gettext(template)).format(**values)
            if found != text:
                return found
    return text


def _localised(value: str) -> str:
    return localised(value) if GROUPED.fullmatch(value) else value


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each text of the catalogue with words and values as a pattern that finds them.

    The one that says most comes first, but after all others one that begins with a value, which “Line 3: ” fits, too.
    A point at the end counts for nothing, as a reason can end with its own.
    """
    whole = {text for text in _texts(language) if VALUE.search(text)}
    worded = {text: VALUE.sub("", text).rstrip(".") for text in whole}
    kept = [text for text, words in worded.items() if any(map(str.isalpha, words))]
    kept.sort(key=lambda text: (text.startswith("{"), -len(worded[text]), text))
    return tuple((_pattern(text), text) for text in kept)


def _texts(language: str) -> set[str]:
    """What the catalogues of the language have words for, and those of the one that it is a kind of."""
    kinds = {to_locale(language), to_locale(language.partition("-")[0])}
    files = [Path(base, kind, "LC_MESSAGES", "django.mo") for base in settings.LOCALE_PATHS for kind in kinds]
    found = set[str]()
    for file in files:
        if file.is_file():
            with file.open("rb") as compiled:
                found |= {each.id for each in read_mo(compiled) if isinstance(each.id, str) and not each.context}
    return found


def _pattern(text: str) -> re.Pattern[str]:
    literals, names = VALUE.split(text)[::2], VALUE.findall(text)
    parts, seen = [re.escape(literals[0])], set[str]()
    for name, literal in zip(names, literals[1:], strict=True):
        parts += [f"(?P={name})" if name in seen else f"(?P<{name}>.+?)", re.escape(literal)]
        seen.add(name)
    return re.compile("".join(parts), re.DOTALL)
