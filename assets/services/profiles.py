"""Company profiles: shown from the database, and asked for when they are missing or older than a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from assets.company import FIELDS, OF_COMPANIES, Company, Said, merged
from assets.models import Asset, AssetType, CompanyProfile
from assets.providers.base import CompanyFacts
from assets.quotes import storable
from assets.services import quota
from assets.services.asking import Capability, answers
from assets.services.freshness import ask_once, await_answer
from assets.services.sources import limits_of
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
    """Ask one provider after the other until no field is empty. Raises NobodyKnows or NobodyAnswers.

    Only the first may spend all of its calls on a profile: whoever fills it up keeps half a day's for prices.
    """
    said: list[Said] = []
    known, company = _known(asset), Company()

    def question(adapter: Any, symbol: str) -> CompanyFacts:
        if said:
            quota.spare_half(adapter.name, limits=limits_of(adapter.name), now=timezone.now())
        facts: CompanyFacts = adapter.profile(symbol)
        return facts

    for reply in answers(Capability.PROFILE, asset, question):
        said.append(_said(reply.provider, reply.value))
        company = merged(said, paid_in=asset.currency, known=known)
        if not company.lacks(_wanted(asset)):
            break
    answered = {"source": said[0].provider, "fetched_at": now, "lease_until": None, "retry_at": None}
    CompanyProfile.objects.filter(pk=asset.pk).update(**company.values, sources=company.sources, **answered)


def _known(asset: Asset) -> Company:
    row = CompanyProfile.objects.filter(pk=asset.pk).first() or CompanyProfile(asset=asset)
    return Company({name: getattr(row, name) for name in FIELDS}, row.sources)


def _wanted(asset: Asset) -> Collection[str]:
    """For which fields the next provider is asked, too."""
    if asset.type == AssetType.EQUITY:
        return FIELDS
    is_fund = asset.type in (AssetType.ETF, AssetType.FUND)
    return set(FIELDS) - set(OF_COMPANIES) if is_fund else ()


def _said(provider: str, facts: CompanyFacts) -> Said:
    values = _columns(facts)
    if facts.logo_needs_key:
        return Said(provider, values | {"logo": ""}, locked_logo=values["logo"])
    return Said(provider, values)


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
