"""Errors of the domain. Their docstring is the default message; HTTP is not known here."""

from __future__ import annotations

import re
from collections.abc import Callable
from string import Formatter
from typing import Any, ClassVar


class DomainError(Exception):
    """The request breaks a rule of the books.

    ``field`` names the input that is to blame, in dotted form for nested input, or is
    empty when no single one is. ``code`` is the class's name in snake case.
    ``values`` take their places in the message, as ``str.format`` puts them; one that is
    an error of the domain itself says there what it says, in the reader's language too.
    """

    wording: ClassVar[Callable[[str], str]] = str  # a text in the reader's language; the site sets it as it starts
    numbers: ClassVar[Callable[[str], str]] = str  # a grouped number, 1,234, as the reader writes it; likewise

    def __init__(self, message: str = "", *, field: str = "", **values: object) -> None:
        self._text = message or " ".join((type(self).__doc__ or type(self).__name__).split())
        self._values = values
        super().__init__(self._text.format(**values) if values else self._text)
        self.field = field

    @property
    def code(self) -> str:
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def message(self) -> str:
        """In the language of whoever reads it; ``str`` gives the English one."""
        worded = DomainError.wording(self._text)
        said = {name: _said(value) for name, value in self._values.items()}
        return _Grouping().vformat(worded, (), said) if said else worded


class _Grouping(Formatter):
    """``str.format`` whose grouped numbers, ``{most:,}``, are the reader's."""

    def format_field(self, value: Any, format_spec: str) -> str:
        text = format(value, format_spec)
        return DomainError.numbers(text) if "," in format_spec else text


def _said(value: object) -> object:
    return value.message if isinstance(value, DomainError) else value


class Gone(DomainError):
    """What the request is about is no longer there."""


class Forbidden(DomainError):
    """You see this, but may not do that with it."""


class NotReady(Exception):
    """Something that the work depends on is not there yet; trying again can help."""
