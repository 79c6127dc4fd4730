"""Why a file of factor returns is refused. Whatever it is, nothing of the file is stored."""

from __future__ import annotations

from core.errors import DomainError


class FactorFileError(DomainError):
    """The file cannot be taken; nothing was stored. ``line`` counts from 1; 0 is the file as a whole."""

    def __init__(self, message: str = "", *, line: int = 0, field: str = "file", **values: object) -> None:
        self.line = line
        if line:
            super().__init__(
                "Line {line}: {reason}", field=field, line=line, reason=DomainError(message, field=field, **values)
            )
        else:
            super().__init__(message, field=field, **values)


class UnreadableFactorFile(FactorFileError):
    """The file is neither text nor a zip or gzip archive of one."""


class FactorFileTooLarge(FactorFileError):
    """The file is larger than what is read."""


class LayoutChanged(FactorFileError):
    """The file is not laid out as it should be; nothing was stored."""


class BadFactorValue(FactorFileError):
    """A value in the file is no return."""


class UnitUnclear(FactorFileError):
    """The values look like percent. Say whether they are percent or fractions."""
