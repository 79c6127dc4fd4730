"""Finding a person by what somebody else writes."""

from __future__ import annotations

from core.errors import DomainError
from users.models import User


class UnknownPerson(DomainError):
    """Nobody was found by this. Write the name with which the person logs in to this server."""


def person_named(text: str, *, field: str = "person") -> User:
    """Who logs in with this name, regardless of case. An address is none: everybody writes their own, unproved.

    Raises UnknownPerson, the same for nobody, somebody who cannot log in, and a name that two people have.
    """
    wanted = text.strip()
    known = User.objects.filter(is_active=True, username__iexact=wanted)
    found = list(known[:2]) if wanted and "\x00" not in wanted else []
    if len(found) != 1:
        raise UnknownPerson(field=field)
    return found[0]
