"""Who uses the server."""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext

from core.errors import DomainError
from core.money import minor_units

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

OVERSEER = "analytics.oversee_bank"  # the permission of who may look at everybody's money


def validate_currency(code: str) -> None:
    try:
        minor_units(code)
    except DomainError as error:
        raise ValidationError(error.message) from error


@cache
def known_zones() -> frozenset[str]:
    """The names of the machine's time zones; to find them, hundreds of files are read."""
    return frozenset(available_timezones())


def validate_time_zone(name: str) -> None:
    if name not in known_zones():
        raise ValidationError(
            gettext("“%(name)s” is not a time zone; use a name such as Europe/Zurich.") % {"name": name}
        )


def validate_locale(code: str) -> None:
    if code and code not in dict(settings.LANGUAGES):
        known = ", ".join(sorted(dict(settings.LANGUAGES)))
        raise ValidationError(
            gettext("“%(code)s” is not a language of this server; it speaks %(known)s.")
            % {"code": code, "known": known}
        )


class User(AbstractUser):
    """A person who logs in. Names are unique without regard to case."""

    base_currency = models.CharField(max_length=3, default="USD", validators=[validate_currency])
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    locale = models.CharField(
        max_length=10,
        blank=True,
        default="",
        validators=[validate_locale],
        help_text="In which language and with which numbers and dates pages are written; empty: as the browser asks.",
    )

    class Meta(AbstractUser.Meta):
        constraints = [models.UniqueConstraint(Lower("username"), name="username_unique_without_case")]

    @property
    def zone(self) -> ZoneInfo:
        """The person's clock; UTC where the machine knows no such zone (any more), so that every page still opens."""
        try:
            return ZoneInfo(self.time_zone)
        except (LookupError, ValueError, OSError):  # unknown, no name of a file, a folder of zones
            return ZoneInfo("UTC")


class TokenFamilyQuerySet(models.QuerySet["TokenFamily"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """One's own logins, nobody else's."""
        return self.filter(user=user) if user.is_authenticated else self.none()

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.visible_to(user)

    def standing(self, now: datetime) -> Self:
        """Those that still let somebody in."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)


class TokenFamily(models.Model):
    """One login over the API: the refresh token that is valid now, and whether the login still stands.

    Each refresh replaces ``current``. A token that is presented again after its use has
    leaked, so it revokes the family.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="token_families")
    current = models.CharField(max_length=64, help_text="The jti of the refresh token that has not been used yet.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = TokenFamilyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "token families"
        indexes = [models.Index(fields=["expires_at"], name="token_family_expiry")]

    def __str__(self) -> str:
        return f"login of {self.user_id} at {self.created_at:%Y-%m-%d %H:%M}"
