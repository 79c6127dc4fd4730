"""Keys of providers: entered once, stored sealed, used but never shown. One in the environment goes before."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from activity.services import record
from assets.models import ProviderKey
from core.errors import DomainError
from core.fields import SealBroken, seal, unseal

if TYPE_CHECKING:
    from users.models import User

log = logging.getLogger(__name__)
WITH_KEY = ("polygon", "finnhub", "alpha_vantage")
KEY = re.compile(r"[!-~]{1,200}")


class NoKeyNeeded(DomainError):
    """This provider takes no key."""


class MalformedKey(DomainError):
    """A key is 1 to 200 printable characters without spaces."""


@transaction.atomic
def enter_key(*, actor: User | None, provider: str, key: str) -> ProviderKey:
    """Store the key of ``provider`` in place of any that was there. Raises NoKeyNeeded, MalformedKey."""
    if provider not in WITH_KEY:
        raise NoKeyNeeded(field="provider")
    if not KEY.fullmatch(key):
        raise MalformedKey(field="key")
    sealed = seal(key, row=_row(provider))
    stored, _ = ProviderKey.objects.update_or_create(pk=provider, defaults={"sealed": sealed, "entered_by": actor})
    record(actor=actor, action="provider_key.entered", subject=stored)
    return stored


@transaction.atomic
def forget_key(*, actor: User | None, provider: str) -> None:
    """Delete the stored key; nothing happens when there is none."""
    stored = ProviderKey.objects.filter(pk=provider).first()
    if stored:
        record(actor=actor, action="provider_key.forgotten", subject=stored)
        stored.delete()


def keys() -> dict[str, str]:
    """The keys that can be used, by provider: the environment's, else the stored one; one query."""
    found = {}
    for name, sealed in ProviderKey.objects.values_list("provider", "sealed"):
        try:
            found[name] = unseal(bytes(sealed), row=_row(name))
        except SealBroken as error:
            log.warning("key of %s: %s", name, error)
    return found | {name: key for name in WITH_KEY if (key := _of_environment(name))}


def origins() -> dict[str, str]:
    """Where each provider's key is from: "environment", "stored", "unreadable", or "" when there is none; one query."""
    usable = keys()
    stored = set(ProviderKey.objects.values_list("provider", flat=True))
    return {name: _origin(name, usable, stored) for name in WITH_KEY}


def _origin(name: str, usable: dict[str, str], stored: set[str]) -> str:
    if _of_environment(name):
        return "environment"
    if name in stored:
        return "stored" if name in usable else "unreadable"
    return ""


def _of_environment(name: str) -> str:
    return str(getattr(settings, f"{name.upper()}_API_KEY", ""))


def _row(name: str) -> str:
    return f"assets.providerkey:{name}"
