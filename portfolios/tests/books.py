"""Entries for the tests of the fold, written the short way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count

from portfolios.book.actions import Action
from portfolios.book.types import ActionKind, BroughtLot, Entry, EntryKind, Pick
from portfolios.tests.factories import Number, at

_places = count(1)


def bought(day: str, quantity: Number, cost: Number, *, base: Number | None = None, **values: int | str) -> Entry:
    """A purchase with its cost, fees included, in the asset's and in the base currency."""
    return _entry(EntryKind.BUY, day, quantity, cost, base, Decimal(1), values)


def sold(
    day: str, quantity: Number, proceeds: Number, *, base: Number | None = None, rate: Number = 1, **values: int | str
) -> Entry:
    """A sale with its net proceeds."""
    return _entry(EntryKind.SELL, day, quantity, proceeds, base, Decimal(rate), values)


def moved_in(day: str, *lots: tuple[str, Number, Number]) -> Entry:
    """A transfer of lots (opened on, quantity, cost)."""
    brought = tuple(
        BroughtLot(date.fromisoformat(opened), Decimal(quantity), Decimal(cost), Decimal(cost))
        for opened, quantity, cost in lots
    )
    total = sum((lot.quantity for lot in brought), Decimal(0))
    key = next(_places)
    return Entry(key, EntryKind.TRANSFER_IN, date.fromisoformat(day), at(day), total, place=key, lots=brought)


def moved_out(day: str, quantity: Number, *picks: Pick, lots: tuple[BroughtLot, ...] = ()) -> Entry:
    """Units that leave with their basis."""
    key = next(_places)
    whole = Decimal(quantity)
    return Entry(
        key, EntryKind.TRANSFER_OUT, date.fromisoformat(day), at(day), whole, place=key, lots=lots, picks=picks
    )


def picking(sale: Entry, *picks: tuple[int, Number] | tuple[int, int, Number]) -> Entry:
    """``sale`` with picks (opening entry, sequence of the lot within it: 0 when left out, quantity)."""
    return replace(
        sale, picks=tuple(Pick(key, int(first[0]) if first else 0, Decimal(last)) for key, *first, last in picks)
    )


def acted(kind: str, day: str, *, asset: int = 0, **terms: Number | None) -> Action:
    """A corporate action of an asset in USD held in a portfolio in USD."""
    key = next(_places)
    target = terms.pop("target", None)
    values = {name: None if value is None else Decimal(value) for name, value in terms.items()}
    named = {"currency": "USD", "asset_currency": "USD", "base": "USD", "target_currency": "USD"}
    where = None if target is None else int(target)
    return Action(key, ActionKind(kind), date.fromisoformat(day), asset, target=where, **named, **values)  # type: ignore[arg-type]


def _entry(
    kind: EntryKind,
    day: str,
    quantity: Number,
    amount: Number,
    base: Number | None,
    rate: Decimal,
    values: dict[str, int | str],
) -> Entry:
    key = int(values.get("key", next(_places)))
    return Entry(
        key=key,
        kind=kind,
        day=date.fromisoformat(day),
        at=at(day, str(values.get("clock", "15:30"))),
        quantity=Decimal(quantity),
        amount=Decimal(amount),
        amount_base=Decimal(amount if base is None else base),
        rate=rate,
        sequence=int(values.get("sequence", 0)),
        external_id=str(values.get("external_id", "")),
        place=int(values.get("place", key)),
    )
