"""Company profiles: shown from the database, and asked for when they are missing or older than a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import models

from assets.models import Asset, CompanyProfile
from assets.providers.base import CompanyFacts
from assets.quotes import storable
from assets.services.asking import Capability, ask
from assets.services.freshness import ask_once, await_answer
from core.errors import DomainError
from core.money import minor_units

RATIOS = ("price_earnings", "dividend_yield")
ADDRESSES = ("logo", "website")


def profile_of(asset: Asset, *, now: datetime) -> tuple[CompanyProfile, bool]:
    """What is known of the company, and whether a worker should ask again. An old profile is answered as it is.

    Without one the providers are asked here and now, by one reader for all. What nobody knows is filled in from the
    asset's own record.
    """
    row = CompanyProfile.objects.filter(pk=asset.pk).first()
    if row is None or row.fetched_at is None:
        question, life = partial(_ask, asset, now), settings.PROFILE_TTL
        due = row is None or row.is_due(now, life)
        if not (due and ask_once(CompanyProfile, asset.pk, life=life, now=now, question=question)):
            await_answer(CompanyProfile, asset.pk, now)
        row = CompanyProfile.objects.filter(pk=asset.pk).first() or CompanyProfile(asset=asset)
    return _completed(row, asset), row.is_due(now, settings.PROFILE_TTL)


def refresh(asset_ids: Collection[int], *, now: datetime) -> int:
    """Ask for the profiles of these assets that are still due; returns how many were asked for."""
    assets = Asset.objects.filter(pk__in=asset_ids).select_related("exchange").order_by("pk")
    life = settings.PROFILE_TTL
    return sum(
        ask_once(CompanyProfile, asset.pk, life=life, now=now, question=partial(_ask, asset, now)) for asset in assets
    )


def _ask(asset: Asset, now: datetime) -> None:
    """Raises NobodyKnows or NobodyAnswers."""

    def question(adapter: Any, symbol: str) -> CompanyFacts:
        facts: CompanyFacts = adapter.profile(symbol)
        return facts

    reply = ask(Capability.PROFILE, asset, question)
    answered = {"source": reply.provider, "fetched_at": now, "lease_until": None, "retry_at": None}
    CompanyProfile.objects.filter(pk=asset.pk).update(**_columns(reply.value), **answered)


def _columns(facts: CompanyFacts) -> dict[str, Any]:
    """What the columns can hold: a longer text is cut, an address or code that is none is left out."""
    texts = {name: _text(name, getattr(facts, name)) for name in ("name", "country", "exchange", "industry")}
    addresses = {name: _address(name, getattr(facts, name)) for name in ADDRESSES}
    ratios = {name: storable(getattr(facts, name), signed=True) for name in RATIOS}
    currency = facts.currency if _is_currency(facts.currency) else ""
    return (
        texts
        | addresses
        | ratios
        | {
            "currency": currency,
            "ipo": facts.ipo,
            "market_cap": storable(facts.market_cap),
        }
    )


def _text(name: str, text: str) -> str:
    field = CompanyProfile._meta.get_field(name)  # noqa: SLF001  Django documents it
    length = field.max_length if isinstance(field, models.CharField) else None
    return text.replace("\x00", "").strip()[:length]


def _address(name: str, text: str) -> str:
    """Only what a browser may be sent to: never a script in the guise of an address."""
    whole = text.strip()
    return whole if whole.startswith(("https://", "http://")) and _text(name, whole) == whole else ""


def _is_currency(code: str) -> bool:
    try:
        minor_units(code)
    except DomainError:
        return False
    return True


def _completed(row: CompanyProfile, asset: Asset) -> CompanyProfile:
    row.name = row.name or asset.name
    row.currency = row.currency or asset.currency
    row.industry = row.industry or asset.sector
    if not row.exchange and asset.exchange:
        row.exchange = asset.exchange.name
    return row
