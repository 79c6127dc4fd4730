"""Errors of the domain. Their docstring is the default message; HTTP is not known here."""

from __future__ import annotations

import inspect
import re


class DomainError(Exception):
    """The request breaks a rule of the books.

    ``field`` names the input that is to blame, in dotted form for nested input, or is
    empty when no single one is. ``code`` is the class's name in snake case.
    """

    def __init__(self, message: str = "", *, field: str = "") -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or type(self).__name__))
        self.field = field

    @property
    def code(self) -> str:
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def message(self) -> str:
        return str(self)


class Gone(DomainError):
    """What the request is about is no longer there."""


class Forbidden(DomainError):
    """You see this, but may not do that with it."""


class NotReady(Exception):
    """Something that the work depends on is not there yet; trying again can help."""
