"""Coupons and redemptions of bonds: proposed by their terms as feeds propose dividends, booked in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Max, Min

from assets.bonds import cash_flows
from assets.models import ActionKind, ActionProposal, AssetType, Bond, CorporateAction, ProposalState
from assets.providers.base import ActionNotice
from assets.services.actions import today_of
from assets.services.bonds import OWN_TERMS
from assets.services.notices import TENTH_DECIMAL, note
from core.money import EXACT, multiply
from portfolios.models import Trade
from portfolios.queries import held_assets

GONE = (ProposalState.SUPERSEDED, ProposalState.WITHDRAWN)


class Span(NamedTuple):
    """Between which days somebody held an asset; ``last`` is None where somebody still does."""

    first: date
    last: date | None


def propose_payments(now: datetime) -> int:
    """Propose what fell due of every bond while somebody held it, once each; returns how many proposals are new.

    Missed days are caught up. What a person booked on that day, or a feed proposed, is not proposed again; another
    amount than before, because the terms were changed, supersedes what was proposed or booked by the older ones.
    """
    spans = _spans()
    if not spans:
        return 0
    known, by_hand = _proposed(), _booked_by_hand()
    made = 0
    for bond in Bond.objects.filter(asset__in=spans).select_related("asset__exchange").order_by("pk"):
        notices = [
            notice
            for notice in _notices(bond, spans[bond.pk], today_of(bond.asset, now))
            if (bond.pk, notice.external_id, notice.cash) not in known
            and (bond.pk, notice.kind, notice.ex_date) not in by_hand
        ]
        made += note(bond.asset, notices, provider=OWN_TERMS, now=now) if notices else 0
    return made


def _spans() -> dict[int, Span]:
    """Bonds that were ever traded; two queries."""
    held = held_assets()
    trades = Trade.objects.standing().filter(asset__type=AssetType.BOND).order_by()
    rows = trades.values("asset").annotate(first=Min("day"), last=Max("day"))
    return {
        row["asset"]: Span(row["first"], None if row["asset"] in held else row["last"])
        for row in rows.values("asset", "first", "last")
    }


def _notices(bond: Bond, span: Span, today: date) -> Iterator[ActionNotice]:
    """What who held at the close before gets a unit of; the redemption after the last coupon."""
    last = min(today, span.last or today)
    asset, terms = bond.asset, bond.terms
    for flow in cash_flows(terms, span.first):
        if flow.day > last:
            return
        redeemed = terms.redemption if flow.day == terms.matures else Decimal(0)
        coupon = EXACT.subtract(flow.amount, redeemed)
        kinds = ((ActionKind.CASH_DIVIDEND, "coupon", coupon), (ActionKind.MERGER, "redemption", redeemed))
        for kind, what, amount in kinds:
            cash = multiply(amount, asset.price_factor).quantize(TENTH_DECIMAL, context=EXACT)
            if cash:
                yield ActionNotice(asset.symbol, kind.value, flow.day, f"{what} {flow.day}", cash=cash)


def _proposed() -> set[tuple[int, str, Decimal | None]]:
    """Asset, name and amount of what stands; one query."""
    rows = ActionProposal.objects.filter(provider=OWN_TERMS, withdrawal=False).exclude(state__in=GONE).order_by()
    return set(rows.values_list("asset", "external_id", "cash"))


def _booked_by_hand() -> set[tuple[int, str, date]]:
    """Asset, kind and day of payments of bonds that stand in the books, but for those that came of the terms."""
    ours = ActionProposal.objects.filter(provider=OWN_TERMS, action__isnull=False).values("action")
    kinds = (ActionKind.CASH_DIVIDEND, ActionKind.MERGER)
    actions = CorporateAction.objects.standing().filter(asset__type=AssetType.BOND, kind__in=kinds)
    return set(actions.exclude(pk__in=ours).order_by().values_list("asset", "kind", "ex_date"))
