"""Refusals in the reader's language: of errors, and of what a proposal kept of them in English."""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import get_language, gettext, trans_real

from core.errors import DomainError, NotReady

VALUE = re.compile(r"\{([A-Za-z_]\w*)(?:[!:][^{}]*)?\}")
PLACED = re.compile(
    r"(\w+(?: “[^”]*”)?): (.+)", re.DOTALL
)  # a column, a transfer or a provider, and what is said of it
REASON = "reason"  # the value that is a text itself
CONTEXT = "\x04"  # stands between a context and its text in a catalogue


def told(error: DomainError | NotReady) -> str:
    return error.message if isinstance(error, DomainError) else gettext(str(error))


def retold(text: str) -> str:
    """A refusal as ``str`` gave it, in the language that is spoken; its values stay as they are, but for a reason."""
    language = get_language() or "en"
    if not text or language.startswith("en"):
        return text
    found = gettext(text)
    return found if found != text else _with_values(text, language) or _placed(text)


def _placed(text: str) -> str:
    """What begins with the name of a column, a transfer or a provider, which stays."""
    match = PLACED.fullmatch(text)
    return f"{match[1]}: {retold(match[2])}" if match else text


def _with_values(text: str, language: str) -> str:
    for pattern, template in _patterns(language):
        match = pattern.fullmatch(text)
        if match:
            values = {name: retold(said) if name == REASON else said for name, said in match.groupdict().items()}
            return VALUE.sub(r"{\1}", gettext(template)).format(**values)
    return ""


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each text of the catalogue with values as a pattern that finds them; the one that says most comes first."""
    texts = trans_real.translation(language)._catalog.keys()  # type: ignore[attr-defined]  # noqa: SLF001  no other list
    whole = {text for text in texts if isinstance(text, str) and CONTEXT not in text and VALUE.search(text)}
    return tuple((_pattern(text), text) for text in sorted(whole, key=lambda text: (-len(VALUE.sub("", text)), text)))


def _pattern(text: str) -> re.Pattern[str]:
    literals, names = VALUE.split(text)[::2], VALUE.findall(text)
    parts, seen = [re.escape(literals[0])], set[str]()
    for name, literal in zip(names, literals[1:], strict=True):
        parts += [f"(?P={name})" if name in seen else f"(?P<{name}>.+?)", re.escape(literal)]
        seen.add(name)
    return re.compile("".join(parts), re.DOTALL)
