"""From terms to rows that could be stored: every refusal that does not depend on the fold, and nothing written.

Booking stores what is drafted here, and a preview folds it without storing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from assets.queries import RateTable, bond_terms
from banking.models import Account
from core.errors import DomainError
from portfolios.models import CashSetting, LotPick, Portfolio, Trade, TransferLot
from portfolios.services.settlement import (
    account_for,
    accounts_of,
    accrued_of,
    check_amounts,
    check_digits,
    lot_picks,
    market_prices,
    rates_of,
    transfer_lots,
    unit_price,
)
from portfolios.services.terms import NewTrade, check

if TYPE_CHECKING:
    from users.models import User

Place = Callable[[int], str]
MOST_IN_QUERY = 500  # beyond that all ids of the portfolio are read, whatever the database's limit


class DuplicateTrade(DomainError):
    """The portfolio has a trade with this external id already."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Rows of trades that are not stored yet, with the accounts and exchange rates that they have to do with."""

    accounts: Sequence[Account]
    rates: RateTable
    trades: list[Trade] = field(default_factory=list)
    lots: list[TransferLot] = field(default_factory=list)
    picks: list[LotPick] = field(default_factory=list)


def at_top(position: int) -> str:
    """The place of a trade that is booked alone: its fields are the input's own."""
    return ""


def drafted(
    portfolio: Portfolio,
    new: Sequence[NewTrade],
    *,
    actor: User | None,
    now: datetime,
    where: Place = at_top,
    original: Trade | None = None,
) -> Draft:
    """The rows of ``new`` in ``portfolio``, in whose place ``original`` goes if there is one.

    ``where`` gives what precedes the field's name in an error about the trade at a position.
    """
    base, accounts = portfolio.base_currency, accounts_concerned(portfolio, new)
    for position, terms in enumerate(new):
        with located(where(position)):
            check(terms, base=base, now=now)
    refuse_duplicates(portfolio, [trade.external_id for trade in new], where, original)
    made, closes = Draft(accounts, rates_of(new, accounts, base)), market_prices(portfolio, new)
    bonds = bond_terms({terms.asset for terms in new if terms.accrues and terms.accrued is None})
    for position, terms in enumerate(new):
        with located(where(position)):
            trade = _row(terms, portfolio, accounts, unit_price(terms, closes), actor, original)
            trade.accrued = accrued_of(terms, bonds, made.rates)
            check_digits(trade)
            check_amounts(trade, base, made.rates)
            made.lots.extend(transfer_lots(trade, terms.lots, base, made.rates))
            made.trades.append(trade)
    picks = [(trade, terms.picks) for trade, terms in zip(made.trades, new, strict=True)]
    made.picks.extend(lot_picks(portfolio, picks, [where(position) for position in range(len(new))]))
    return made


@contextmanager
def located(place: str) -> Iterator[None]:
    """Put ``place`` before the field that a DomainError names: its position within a larger input."""
    try:
        yield
    except DomainError as error:
        if error.field:
            error.field = place + error.field
        raise


def accounts_concerned(portfolio: Portfolio, new: Iterable[NewTrade]) -> list[Account]:
    """The portfolio's accounts, read only where a trade may have to do with one."""
    needed = portfolio.cash == CashSetting.TRACKED or any(terms.account for terms in new)
    return accounts_of(portfolio) if needed else []


def standing_ids(portfolio: Portfolio, external_ids: Iterable[str], original: Trade | None = None) -> set[str]:
    """Those of ``external_ids`` that a standing trade other than ``original`` has."""
    wanted = {text for text in external_ids if text}
    if not wanted:
        return set()
    standing = Trade.objects.standing().filter(portfolio=portfolio)
    standing = standing.exclude(pk=original.pk) if original else standing
    if len(wanted) <= MOST_IN_QUERY:
        standing = standing.filter(external_id__in=wanted)
    return wanted.intersection(standing.order_by().values_list("external_id", flat=True))


def refuse_duplicates(
    portfolio: Portfolio, external_ids: Sequence[str], where: Place = at_top, original: Trade | None = None
) -> None:
    """Each external id stands once in a portfolio, and once among those booked together."""
    seen = standing_ids(portfolio, external_ids, original)
    for position, text in enumerate(external_ids):
        if text and text in seen:
            message = gettext("The portfolio has a trade with the external id “%(text)s” already.") % {"text": text}
            raise DuplicateTrade(message, field=where(position) + "external_id")
        seen.add(text)


def _row(
    terms: NewTrade,
    portfolio: Portfolio,
    accounts: Sequence[Account],
    price: Decimal,
    actor: User | None,
    original: Trade | None,
) -> Trade:
    return Trade(
        portfolio=portfolio,
        asset=terms.asset,
        account=account_for(terms, portfolio, accounts),
        kind=terms.kind,
        traded_at=terms.traded_at,
        day=terms.day,
        quantity=terms.quantity,
        price=price,
        currency=terms.trade_currency,
        fee=terms.fee,
        tax=terms.tax,
        exchange_rate=terms.exchange_rate,
        external_id=terms.external_id,
        note=terms.note,
        sequence=original.sequence if original else 0,
        replaces=original,
        created_by=actor,
    )
