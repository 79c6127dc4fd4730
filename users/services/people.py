"""Finding a person by what somebody else writes."""

from __future__ import annotations

from core.errors import DomainError
from users.models import User


class UnknownPerson(DomainError):
    """Nobody was found by this. Write the person's name on this server, or the address in their profile."""


def person_named(text: str, *, field: str = "person") -> User:
    """Who has this name, else this e-mail address, regardless of case.

    Raises UnknownPerson, the same for nobody, somebody who cannot log in, and an address that two people have.
    """
    wanted, active = text.strip(), User.objects.filter(is_active=True)
    for column in ("username__iexact", "email__iexact"):
        found = list(active.filter(**{column: wanted})[:2]) if wanted and "\x00" not in wanted else []
        if len(found) == 1:
            return found[0]
    raise UnknownPerson(field=field)
