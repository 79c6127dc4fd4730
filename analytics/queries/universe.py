"""The assets of an optimisation with their history: what a portfolio holds, and what else is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

from analytics.exposure import NothingHeld, Weighted, shared_history
from analytics.market import Market
from analytics.optimiser import Candidate, TermsRefused, Universe
from analytics.optimiser.terms import LONGEST
from analytics.queries.exposure import weighted
from analytics.queries.facts import market_on
from assets.models import Asset, CompanyProfile
from assets.queries import SIMULATED
from portfolios.models import Portfolio
from portfolios.queries.totals import UNCLASSIFIED


def further_assets(symbols: Sequence[str]) -> list[Asset]:
    """The assets of these symbols, each once, in their order; one query. Raises TermsRefused for one that is not."""
    if not symbols:
        return []
    known = {asset.symbol: asset for asset in Asset.objects.tradable().filter(symbol__in=symbols)}
    missing = [symbol for symbol in symbols if symbol not in known]
    if missing:
        raise TermsRefused("“{missing}” is no security that can be held.", missing=missing[0], field="extra")
    return [known[symbol] for symbol in dict.fromkeys(symbols)]


def universe(portfolio: Portfolio, *, extra: Sequence[str] = (), as_of: date | None = None) -> Universe:
    """What ``portfolio`` holds on ``as_of`` (now) and the assets of the symbols ``extra``, on the sessions they share.

    At most ten years of them. Raises NothingHeld without any asset, NoWeights and ShortHistory as ``exposure`` does,
    and TermsRefused for a symbol that is not known. As many queries as ``exposure``, and two more.
    """
    held = _held(portfolio, as_of)
    owned = _owned(held)
    more = [asset for asset in further_assets(extra) if asset.pk not in {candidate.asset_id for candidate in owned}]
    candidates = [*owned, *(Candidate(a.pk, a.symbol, a.name, a.sector or UNCLASSIFIED) for a in more)]
    if not candidates:
        raise NothingHeld
    currency, market = portfolio.base_currency, market_on(as_of)
    grid, returns = shared_history(market, [candidate.asset_id for candidate in candidates], currency, LONGEST)
    simulated = bool(held and held.price_source) or _any_simulated(more)
    last: date = grid.days[-1].item()
    return Universe(
        as_of=held.as_of if held else (as_of or last),
        currency=currency,
        periods=grid.periods,
        days=grid.days,
        returns=returns,
        candidates=_with_capitalisation(candidates, market, currency),
        cash_weight=held.cash_weight if held else 0.0,
        price_source=SIMULATED if simulated else "",
    )


def _held(portfolio: Portfolio, as_of: date | None) -> Weighted | None:
    try:
        return weighted(portfolio, as_of)
    except NothingHeld:
        return None


def _owned(held: Weighted | None) -> list[Candidate]:
    return [
        Candidate(
            position.asset_id,
            position.symbol,
            position.name,
            position.sector or UNCLASSIFIED,
            worth=float(position.value),
        )
        for position in (held.positions if held else ())
    ]


def _any_simulated(assets: Iterable[Asset]) -> bool:
    ids = [asset.pk for asset in assets]
    return bool(ids) and Asset.objects.filter(pk__in=ids, history__source=SIMULATED).exists()


def _with_capitalisation(candidates: Sequence[Candidate], market: Market, currency: str) -> tuple[Candidate, ...]:
    """One query: what companies are worth, where a profile says it and there is an exchange rate."""
    profiles = CompanyProfile.objects.filter(asset__in=[candidate.asset_id for candidate in candidates])
    known = {
        pk: float(worth) * float(market.rate(said or currency, currency)[-1])
        for pk, worth, said in profiles.values_list("asset_id", "market_cap", "currency")
        if worth is not None
    }
    return tuple(
        Candidate(c.asset_id, c.symbol, c.name, c.sector, c.worth, _finite(known.get(c.asset_id))) for c in candidates
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
