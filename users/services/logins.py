"""Logins over the API and the profile."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from activity.services import record
from core.errors import DomainError
from users.models import TokenFamily, User


class TokenUsedTwice(DomainError):
    """This refresh token was used before, so it may have leaked. The login was ended; log in again."""


@transaction.atomic
def open_login(*, user: User, family: UUID, jti: str, expires_at: datetime) -> TokenFamily:
    """Write down a login whose first refresh token is ``jti``, and forget the user's expired ones."""
    user.token_families.filter(expires_at__lt=timezone.now()).delete()
    return TokenFamily.objects.create(id=family, user=user, current=jti, expires_at=expires_at)


def rotate_login(*, family: UUID, used: str, following: str, expires_at: datetime) -> None:
    """Exchange the refresh token ``used`` for ``following``, in one conditional UPDATE.

    Of many that present the same token one succeeds. Every other one shows that the token
    is in two hands: the login is ended and ``TokenUsedTwice`` raised.
    """
    standing = TokenFamily.objects.filter(pk=family, revoked_at__isnull=True)
    if standing.filter(current=used).update(current=following, expires_at=expires_at) == 1:
        return
    end_login(family=family)
    raise TokenUsedTwice


def end_login(*, family: UUID) -> None:
    """Refuse every token of this login from now on. Ending it again changes nothing."""
    TokenFamily.objects.filter(pk=family, revoked_at__isnull=True).update(revoked_at=timezone.now())


@transaction.atomic
def end_logins(*, user: User) -> int:
    """End every login of ``user`` over the API; returns how many stood."""
    now = timezone.now()
    ended = TokenFamily.objects.filter(user=user).standing(now).update(revoked_at=now)
    record(actor=user, action="logins.ended", subject=user, data={"ended": ended})
    return ended


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """Set a password that was checked, and end every login over the API. Browsers that are logged in are logged out."""
    user.set_password(password)
    user.save(update_fields=["password"])
    end_logins(user=user)
    record(actor=user, action="password.changed", subject=user)


@transaction.atomic
def change_profile(*, user: User, changes: dict[str, Any]) -> User:
    """Set validated profile fields and write down which."""
    for name, value in changes.items():
        setattr(user, name, value)
    user.full_clean(exclude=["password"])
    user.save(update_fields=list(changes))
    record(actor=user, action="profile.changed", subject=user, data={"fields": sorted(changes)})
    return user
