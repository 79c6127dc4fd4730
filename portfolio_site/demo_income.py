"""What the demo earns: dividends of simulated companies, the coupons of a simulated bond, two term deposits.

The real companies' closes have their dividends in them, so none are booked for them: they would count twice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any

import numpy as np
from django.db import transaction

from analytics.engine import bond_price
from analytics.valuation import FloatArray
from assets.bonds import PAR, BondTerms, DayCount, accrued, cash_flows, periods, years_to_payments
from assets.models import ActionKind, ActionProposal, Asset, Bond, CorporateAction
from assets.providers.base import Bar
from assets.services.bonds import OWN_TERMS, set_terms
from banking.models import Account, TermDeposit
from banking.services.deposits import DepositTerms, open_deposit
from portfolio_site.simulation.town import iban
from portfolios.services.actions import apply_action
from portfolios.services.coupons import propose_payments
from portfolios.services.proposals import accept_proposal
from users.models import User


def terms_of(row: Mapping[str, Any]) -> BondTerms:
    """The terms under ``bond`` of a row of assets.json."""
    bond = row["bond"]
    return BondTerms(
        date.fromisoformat(bond["issued"]),
        date.fromisoformat(bond["matures"]),
        Decimal(bond["coupon"]),
        bond["frequency"],
        DayCount(bond["day_count"]),
    )


def priced(terms: BondTerms, yields: Iterable[Bar]) -> Iterator[Bar]:
    """The clean prices at which the bond yields what ``yields`` say, whose closes are yields to maturity in percent.

    The bond pays coupons, and ``yields`` are of days on which it runs. What is to come is read once for each of its
    periods: within one, the years to each payment lessen by the part of a year for which interest has accrued.
    """
    starts = [period.start for period in periods(terms)]
    ahead = cache(partial(_ahead, terms))
    for bar in yields:
        interest = float(accrued(terms, bar.day))
        times, amounts = ahead(starts[bisect_right(starts, bar.day) - 1])
        left = times - interest / float(PAR * terms.coupon)
        dirty = bond_price(float(bar.close) / 100, left, amounts, frequency=terms.compounding)
        yield Bar(bar.symbol, bar.day, Decimal(f"{dirty - interest:.4f}"))


def _ahead(terms: BondTerms, day: date) -> tuple[FloatArray, FloatArray]:
    """Years to the payments after ``day``, and the payments per 100 of nominal value (K,)."""
    times = np.array([float(years) for years in years_to_payments(terms, day)])
    return times, np.array([float(flow.amount) for flow in cash_flows(terms, day)])


@transaction.atomic
def load_facts(rows: Sequence[Mapping[str, Any]], assets: Mapping[str, Asset]) -> int:
    """Terms of bonds that have none, and dividends of days that have no action of the asset; returns how many of these.

    A dividend that was voided since stays so. What two processes load at once is loaded by the first one.
    """
    wanted = [assets[row["symbol"]].pk for row in rows]
    list(Asset.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk").values_list("pk"))
    new = 0
    for row in rows:
        asset = assets[row["symbol"]]
        if "bond" in row and not Bond.objects.filter(asset=asset).exists():
            set_terms(asset=asset, terms=terms_of(row), actor=None)
        if "dividends" in row:
            new += _load_dividends(asset, row["dividends"])
    return new


def _load_dividends(asset: Asset, told: Mapping[str, Any]) -> int:
    known = set(CorporateAction.objects.filter(asset=asset).values_list("ex_date", flat=True))
    days = {date.fromisoformat(ex_date): (paid_on, cash) for ex_date, paid_on, cash in told["paid"]}
    new = sorted(days.keys() - known)
    for ex_date in new:
        paid_on, cash = days[ex_date]
        apply_action(
            asset=asset,
            kind=ActionKind.CASH_DIVIDEND,
            ex_date=ex_date,
            actor=None,
            cash=Decimal(cash),
            pay_date=date.fromisoformat(paid_on),
            withholding_rate=Decimal(told["withheld"]) if told["withheld"] else None,
        )
    return len(new)


def load_coupons(bonds: Iterable[Asset], until: date, actor: User, now: datetime) -> int:
    """Book the coupons of the demo's days, as somebody does who says yes to what a bond's terms propose.

    Later ones wait for a person's yes, as the demo's prices end. A bond that ever paid anything is left alone. Returns
    how many were booked.
    """
    paid = CorporateAction.objects.order_by().values("asset")
    fresh = Asset.objects.filter(pk__in=[bond.pk for bond in bonds]).exclude(pk__in=paid)
    if not fresh:
        return 0
    propose_payments(now)
    due = ActionProposal.objects.open().filter(asset__in=fresh, provider=OWN_TERMS, ex_date__lte=until)
    booked = [accept_proposal(proposal=proposal, actor=actor, now=now) for proposal in due.order_by("ex_date", "pk")]
    return len(booked)


@transaction.atomic
def load_deposits(rows: Iterable[Mapping[str, str]], person: User, seed: int, now: datetime) -> int:
    """Term deposits out of the savings of the first of a town's people, unless one was ever opened.

    Returns how many are new.
    """
    found = Account.objects.of(person).filter(iban=iban(seed, ("person", 0), "savings")).values("pk")[:1]
    savings = Account.objects.select_for_update().filter(pk__in=list(found.values_list("pk", flat=True))).first()
    if savings is None or TermDeposit.objects.filter(account__owner=person).exists():
        return 0
    opened = [
        open_deposit(source=savings, name=row["name"], terms=_deposit(row), actor=person, now=now) for row in rows
    ]
    return len(opened)


def _deposit(row: Mapping[str, str]) -> DepositTerms:
    return DepositTerms(
        principal=Decimal(row["principal"]),
        rate=Decimal(row["rate"]),
        started_on=date.fromisoformat(row["started_on"]),
        matures_on=date.fromisoformat(row["matures_on"]),
    )
