"""What the engine says when a figure cannot be computed."""

from __future__ import annotations

from core.errors import DomainError


class InsufficientData(DomainError):
    """Too few observations for the figure that was asked for."""

    def __init__(self, needed: int, got: int) -> None:
        self.needed = needed
        self.got = got
        super().__init__("needs {needed} days, has {got}", needed=needed, got=got)

    def __reduce__(self) -> tuple[type[InsufficientData], tuple[int, int]]:
        # An exception is pickled with its message alone, which is not what __init__ takes.
        return type(self), (self.needed, self.got)


class UndefinedMetric(DomainError):
    """The figure does not exist for this series."""
