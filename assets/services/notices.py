"""Corporate actions from the feeds: asked for each night, proposed once each. The books apply them, a layer above."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_  # noqa: N812  the name that catalogues are gathered by

from assets.models import (
    ActionKind,
    ActionProposal,
    Asset,
    AssetType,
    CorporateAction,
    Exchange,
    IngestionRun,
    RunState,
)
from assets.models import ProposalState as State
from assets.providers.base import ActionNotice
from assets.services import nightly, withdrawals
from assets.services.actions import IN_PRICES
from assets.services.asking import Capability, NobodyAnswers, NobodyKnows, ask, candidates
from core.fields import QUANTITY_LIMIT
from core.money import divide

log = logging.getLogger(__name__)
JOB = "corporate_actions"
LOOK_BACK, LOOK_AHEAD, FARTHEST = timedelta(days=30), timedelta(days=60), timedelta(days=730)
WITHOUT_ACTIONS = (AssetType.FX, AssetType.INDEX, AssetType.CASH, AssetType.CRYPTO)
MOST_EXACT, MOST_HELD = 1000, 30  # held units of a split's ratio: as the decimals say, and where they were rounded
TENTH_DECIMAL = Decimal("1e-10")
GONE = (State.SUPERSEDED, State.WITHDRAWN)


def fetch_night(market: Exchange, night: date, asset_ids: Collection[int], *, now: datetime) -> IngestionRun | None:
    """Ask the feeds about these assets of a market, once a night; what nobody answered is asked for again.

    One question covers all nights since the last that was done, and LOOK_BACK before it: a server that was off for
    weeks misses nothing that went ex meanwhile, FARTHEST back at most.
    """
    return nightly.do(JOB, market, night, lambda run: _fetch(run, market, asset_ids, now), now=now)


@transaction.atomic
def note(asset: Asset, notices: Iterable[ActionNotice], *, provider: str, now: datetime) -> int:
    """Propose what a feed announced of ``asset``; returns how many proposals are new.

    A notice that is known is seen again. One whose terms were corrected supersedes its older proposal; an action that
    came of that stands until the new one is applied. What another feed proposed, or somebody booked, is not proposed.
    """
    return sum(_note(asset, notice, provider, now) for notice in notices)


def _fetch(run: IngestionRun, market: Exchange, asset_ids: Collection[int], now: datetime) -> nightly.Outcome:
    assets = Asset.objects.filter(exchange=market, pk__in=asset_ids).exclude(type__in=WITHOUT_ACTIONS)
    assets = assets.filter(symbol__in=run.missing) if run.missing else assets  # what the last attempt lacked
    asked, new, missing, waits = 0, 0, dict[str, str](), list[float]()
    start = _asked_from(market, run.day, now.date())
    for asset in assets.select_related("exchange").order_by("symbol"):
        if not candidates(Capability.ACTIONS, asset):
            continue
        asked += 1
        try:
            new += _propose(asset, start, now)
        except NobodyAnswers as error:
            missing[asset.symbol] = str(error)
            waits += [error.retry_after] if error.retry_after else []
    message = f"{asked - len(missing)} of {asked} assets were asked for; {new} new proposals."
    return nightly.Outcome(message, asked, asked - len(missing), missing, min(waits, default=None))


def _asked_from(market: Exchange, night: date, today: date) -> date:
    done = IngestionRun.objects.filter(job=JOB, market=market, state=RunState.COMPLETE, day__lt=night)
    last = done.order_by("-day").values_list("day", flat=True).first()
    return max(min(last or today, today) - LOOK_BACK, today - FARTHEST)


def _propose(asset: Asset, start: date, now: datetime) -> int:
    end = now.date() + LOOK_AHEAD
    try:
        reply = ask(Capability.ACTIONS, asset, lambda adapter, symbol: adapter.actions(symbol, start, end))
    except NobodyKnows:
        return 0
    oldest_first = sorted(reply.value, key=lambda notice: notice.ex_date)
    with transaction.atomic():
        new = note(asset, oldest_first, provider=reply.provider, now=now)
        return new + withdrawals.compare(asset, oldest_first, provider=reply.provider, start=start, end=end, now=now)


def _note(asset: Asset, notice: ActionNotice, provider: str, now: datetime) -> bool:
    """Whether it made a proposal."""
    terms = _terms(asset, notice)
    if terms is None or not notice.external_id:
        log.warning("%s: the notice %s of %s makes no sense", provider, notice, asset)
        return False
    digest = hashlib.sha256(repr(sorted(terms.items())).encode()).hexdigest()
    external_id = notice.external_id[:200]
    known = list(
        ActionProposal.objects.select_for_update()
        .filter(asset=asset, provider=provider, external_id=external_id, withdrawal=False)
        .order_by("pk")
    )
    same = next((proposal for proposal in known if proposal.digest == digest), None)
    if not known and _is_known_otherwise(asset, terms, provider):
        return False
    for other in known:
        if other is not same and other.state in (State.PROPOSED, State.IGNORED):
            ActionProposal.objects.filter(pk=other.pk).update(state=State.SUPERSEDED)
    if same and same.state not in GONE:
        ActionProposal.objects.filter(pk=same.pk).update(last_seen=now)
        return False
    older = next((other for other in reversed(known) if other.state == State.APPLIED), known[-1] if known else None)
    proposal = same or ActionProposal(
        asset=asset, provider=provider, external_id=external_id, digest=digest, first_seen=now, **terms
    )
    proposal.supersedes = older if older is not same else None
    proposal.last_seen, proposal.accepted_at, proposal.decided_at, proposal.decided_by = now, None, None, None
    proposal.action = _booked(asset, terms) if not known else None
    proposal.state = State.APPLIED if proposal.action else State.PROPOSED
    if terms["kind"] in IN_PRICES.get(asset.price_basis, ()):
        proposal.state, proposal.problem = State.IGNORED, N_("The prices of this asset include it already.")
    proposal.save()
    return proposal.state == State.PROPOSED


def _is_known_otherwise(asset: Asset, terms: dict[str, Any], provider: str) -> bool:
    """Whether another feed has proposed the same event; which of two feeds is right, a person decides in the books."""
    others = ActionProposal.objects.exclude(provider=provider).exclude(state__in=GONE).exclude(withdrawal=True)
    return others.filter(asset=asset, kind=terms["kind"], ex_date=terms["ex_date"]).exists()


def _booked(asset: Asset, terms: dict[str, Any]) -> CorporateAction | None:
    """The standing action with these terms, which somebody has booked before the feed announced it."""
    same = CorporateAction.objects.standing().filter(asset=asset, kind=terms["kind"], ex_date=terms["ex_date"])
    return next((action for action in same if _has_terms(action, terms)), None)


def _has_terms(action: CorporateAction, terms: dict[str, Any]) -> bool:
    if terms["cash"] is not None:
        return action.cash == terms["cash"] and action.currency == terms["currency"]
    ours = divide(action.ratio or Decimal(1), action.per or Decimal(1))
    return ours == divide(terms["ratio"], terms["per"])


def _terms(asset: Asset, notice: ActionNotice) -> dict[str, Any] | None:
    """The notice as fields of a proposal, or None where it is no split and no payment that anybody could book."""
    common = {"ex_date": notice.ex_date, "pay_date": None, "ratio": None, "per": None, "cash": None, "currency": ""}
    if notice.cash is not None and notice.ratio is None and _positive(notice.cash):
        late = notice.pay_date if notice.pay_date and notice.pay_date >= notice.ex_date else None
        paid = {"cash": notice.cash.quantize(TENTH_DECIMAL).normalize(), "currency": notice.currency or asset.currency}
        kind = ActionKind.MERGER if notice.kind == ActionKind.MERGER else ActionKind.CASH_DIVIDEND
        return common | paid | {"kind": kind.value, "pay_date": late}
    if notice.ratio is not None and notice.cash is None and _positive(notice.ratio) and notice.ratio != 1:
        ratio, per = _ratio(notice.ratio)
        kind = ActionKind.SPLIT if notice.ratio > 1 else ActionKind.REVERSE_SPLIT
        return common | {"kind": kind.value, "ratio": ratio, "per": per}
    return None


def _positive(value: Decimal) -> bool:
    return value.is_finite() and TENTH_DECIMAL <= value < QUANTITY_LIMIT / 1000


def _ratio(value: Decimal) -> tuple[Decimal, Decimal]:
    """New units for held ones, in whole numbers where the ratio is one of such: 1.5 is 3 for 2, 0.3333 1 for 3."""
    exact = Fraction(value)
    rounded = Fraction(1, 10 ** max(-int(value.as_tuple().exponent), 0))
    simple = exact.limit_denominator(MOST_HELD)
    if exact.denominator > MOST_EXACT and simple and abs(simple - exact) < rounded:
        exact = simple
    if exact.denominator <= MOST_EXACT:
        return Decimal(exact.numerator), Decimal(exact.denominator)
    return value.quantize(TENTH_DECIMAL).normalize(), Decimal(1)
