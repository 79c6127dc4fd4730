"""What holdings and deposits are known to pay soon: dividends, coupons and the interest of term deposits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from assets.bonds import BondTerms, cash_flows
from assets.models import ActionKind, ActionProposal, Announced, AssetType, CorporateAction
from assets.queries import RateTable, rates, terms_by_asset
from banking.models import TermDeposit
from core.money import EXACT, multiply, quantise, total
from portfolios.models import Entitlement, Portfolio, PortfolioAccount
from portfolios.queries.holdings import Holding, latest_rate
from users.models import User

AHEAD = timedelta(days=90)
KINDS = {
    "owed": _("Dividend, owed"),
    "announced": _("Dividend, announced"),
    "coupon": _("Coupon"),
    "interest": _("Interest of a deposit"),
}
Key = tuple[int, int]  # portfolio and asset


@dataclass(frozen=True, slots=True)
class Expected:
    """One payment to come, gross: ``amount`` in its ``currency``, ``value`` in that of the answer (None: no rate).

    ``kind`` is a key of ``KINDS``. ``symbol`` is empty for the interest of a deposit, whose account is the ``name``;
    ``portfolio_id`` is None for it, and else the portfolio of the holding that pays.
    """

    portfolio_id: int | None
    day: date
    kind: str
    symbol: str
    name: str
    amount: Decimal
    currency: str
    value: Decimal | None

    @property
    def kind_name(self) -> str:
        return str(KINDS[self.kind])

    @property
    def confirmed(self) -> bool:
        """False for what a feed announced and nobody has looked at."""
        return self.kind != "announced"


class _Due(NamedTuple):
    portfolio_id: int | None
    day: date
    kind: str
    symbol: str
    name: str
    amount: Decimal
    currency: str


def upcoming_income(
    portfolios: Sequence[Portfolio],
    held: Sequence[Holding],
    currency: str,
    today: date,
    *,
    reader: User,
    ahead: timedelta = AHEAD,
) -> list[Expected]:
    """Payments after ``today`` and until ``ahead`` from it, the next first; at most 7 queries.

    ``portfolios`` are such as ``reader`` sees; of deposits those are told whose account ``reader`` sees, too.

    What is owed since an ex-date is the books' own amount. What was announced and is not booked yet, and coupons, are
    of the units of ``held`` (what is held now); several announcements of one day are taken for the same dividend.
    """
    until = today + ahead
    found = [
        *_owed(portfolios, today, until),
        *_announced(held, today, until),
        *_coupons(held, today, until),
        *_interest(portfolios, reader, today, until),
    ]
    table = rates({due.currency for due in found}, currency, today)
    return sorted((_expected(due, table, currency) for due in found), key=lambda one: (one.day, one.symbol, one.name))


def sum_of(payments: Sequence[Expected]) -> Decimal | None:
    """Together in the currency of the answer; None where a rate is missing."""
    values = [payment.value for payment in payments]
    return None if None in values else total(value for value in values if value is not None)


def _expected(due: _Due, table: RateTable, currency: str) -> Expected:
    rate = latest_rate(table, due.currency, currency)
    value = None if rate is None else quantise(multiply(due.amount, rate), currency)
    return Expected(*due, value)


def _owed(portfolios: Sequence[Portfolio], today: date, until: date) -> Iterator[_Due]:
    rows = Entitlement.objects.with_paid_on().filter(portfolio__in=portfolios)
    rows = rows.filter(Q(ex_date__lte=today), Q(paid_on__gt=today, paid_on__lte=until)).order_by("pk")
    columns = ("portfolio", "paid_on", "asset__symbol", "asset__name", "gross", "currency", "action__kind")
    for portfolio_id, day, symbol, name, gross, currency, kind in rows.values_list(*columns):
        if kind == ActionKind.CASH_DIVIDEND:
            yield _Due(portfolio_id, day, "owed", symbol, name, gross, currency)


def _announced(held: Sequence[Holding], today: date, until: date) -> Iterator[_Due]:
    """Dividends that a feed told of and nobody booked yet, of what is held long or short."""
    units = _units(held)
    if not units:
        return
    told = ActionProposal.objects.filter(asset__in={row.asset_id for row in units.values()})
    told = told.filter(kind=ActionKind.CASH_DIVIDEND, ex_date__lte=until)
    told = told.filter(Q(pay_date__gt=today) | Q(pay_date__isnull=True, ex_date__gt=today))
    first: dict[tuple[int, date], Announced] = {}
    for notice in told.announced():
        first.setdefault((notice.asset_id, notice.ex_date), notice)
    booked = _booked(first) if first else set()
    for (asset_id, ex_date), notice in first.items():
        day = notice.pay_date or ex_date
        if (asset_id, ex_date) in booked or day > until:
            continue
        for holding in (row for row in units.values() if row.asset_id == asset_id):
            currency = notice.currency or holding.currency
            gross = quantise(multiply(holding.quantity, notice.cash), currency)
            yield _Due(holding.portfolio_id, day, "announced", holding.symbol, holding.name, gross, currency)


def _booked(told: Collection[tuple[int, date]]) -> set[tuple[int, date]]:
    rows = CorporateAction.objects.standing().filter(
        kind=ActionKind.CASH_DIVIDEND, asset__in={asset for asset, _day in told}, ex_date__in={day for _a, day in told}
    )
    return set(rows.values_list("asset_id", "ex_date"))


def _coupons(held: Sequence[Holding], today: date, until: date) -> Iterator[_Due]:
    bonds = [row for row in held if row.asset_type == AssetType.BOND and row.quantity]
    terms: Mapping[int, BondTerms] = terms_by_asset([row.asset_id for row in bonds]) if bonds else {}
    for holding in bonds:
        promised = terms.get(holding.asset_id)
        if promised is None:
            continue
        for flow in cash_flows(promised, today):
            if flow.day > until:
                break
            redeemed = promised.redemption if flow.day == promised.matures else Decimal(0)
            coupon = multiply(holding.quantity, holding.price_factor, EXACT.subtract(flow.amount, redeemed))
            if coupon:
                amount = quantise(coupon, holding.currency)
                pays = (holding.symbol, holding.name, amount, holding.currency)
                yield _Due(holding.portfolio_id, flow.day, "coupon", *pays)


def _interest(portfolios: Sequence[Portfolio], reader: User, today: date, until: date) -> Iterator[_Due]:
    """Of running deposits that ``reader`` sees and that lie in an account of the portfolios, or pay back into one.

    Who sees them is asked of those that there are: for most portfolios there is none, and the question is a long one.
    """
    own = PortfolioAccount.objects.filter(portfolio__in=portfolios).values("account")
    due = TermDeposit.objects.running().filter(matures_on__gt=today, matures_on__lte=until)
    found = list(due.filter(Q(account__in=own) | Q(returns_to__in=own)).order_by().values_list("pk", flat=True))
    if not found:
        return
    for deposit in TermDeposit.objects.visible_to(reader).running().whole().filter(pk__in=found).order_by("pk"):
        account = deposit.account
        yield _Due(None, deposit.matures_on, "interest", "", account.name, deposit.full_interest, account.currency)


def _units(held: Sequence[Holding]) -> dict[Key, Holding]:
    return {(row.portfolio_id, row.asset_id): row for row in held if row.quantity}
