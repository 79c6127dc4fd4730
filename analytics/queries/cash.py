"""The cash of a chunk of portfolios as records: what moved on their accounts, and what crossed their borders."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import numpy as np
from django.db.models import Case, F, FloatField, IntegerField, Q, When
from django.db.models.functions import Cast, Coalesce
from numpy.typing import NDArray

from analytics.performance import CASH, PortfolioFacts
from banking.models import Origin, Section
from core.arrays import EpochDay, records
from portfolios.queries.accounts import brought, cash_accounts, own_rows

ROWS = np.dtype([*((name, CASH[name]) for name in CASH.names or ()), ("transfer", np.int64)])


def account_cash(portfolios: Sequence[PortfolioFacts], as_of: date | None) -> NDArray[np.void]:
    """Standing cash rows (CASH) of the accounts of portfolios that track their cash, up to ``as_of``.

    At most 3 queries; none when no portfolio does. Deposits and withdrawals are external, unless both legs of a
    transfer are the portfolio's own; so is what accounts held when they joined.
    """
    tracked = {portfolio.pk: row for row, portfolio in enumerate(portfolios) if portfolio.tracked}
    if not tracked:
        return np.empty(0, CASH)
    accounts = cash_accounts(tracked)
    rows = _rows(accounts, as_of)
    ids = sorted(accounts)
    owners = np.array([tracked[accounts[pk].portfolio_id] for pk in ids], np.int64)
    rows["row"] = owners[np.searchsorted(np.array(ids, np.int64), rows["row"])]
    rows["external"] &= ~_internal(rows)
    joined = [
        (tracked[accounts[pk].portfolio_id], accounts[pk].joined_on, balance, accounts[pk].currency, True)
        for pk, balance in brought(accounts).items()
        if as_of is None or accounts[pk].held_on(as_of)
    ]
    return np.concatenate([np.array(joined, CASH), rows[list(CASH.names or ())].astype(CASH)])


def _rows(accounts: Collection[int], as_of: date | None) -> NDArray[np.void]:
    standing = own_rows(accounts)
    standing = standing.filter(booked_on__lte=as_of) if as_of else standing
    deposit = Q(origin=Origin.ENTRY, section=Section.TRANSFER)
    columns = standing.order_by("booked_on", "pk").values_list(
        "account_id",
        EpochDay(F("booked_on")),
        Cast("amount", FloatField()),
        "account__currency",
        Case(When(deposit, then=1), default=0, output_field=IntegerField()),
        Coalesce("transfer_sent", "transfer_received", 0),
    )
    return records(columns, ROWS)


def _internal(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which rows (E,) are a leg of a transfer whose other leg is of the same portfolio and day."""
    legs = np.rec.fromarrays([rows["row"], rows["transfer"], rows["day"]])
    _, places, counts = np.unique(legs, return_inverse=True, return_counts=True)
    found: NDArray[np.bool_] = (rows["transfer"] > 0) & (counts[places.reshape(-1)] == 2)
    return found
