"""Random histories of two linked assets for the property tests: every kind of trade and of corporate action."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from portfolios.book.actions import Action
from portfolios.book.fold import fold_all
from portfolios.book.lots import PRIORITIES
from portfolios.book.types import ActionKind, Book, Entry, EntryKind, Pick, Refused, Rules
from portfolios.tests.books import acted, bought, moved_in, moved_out, sold

START = date(2020, 1, 1)
ASSET, CHILD = 0, 1
METHODS = sorted(PRIORITIES)
quantities = st.decimals(min_value=Decimal("0.01"), max_value=100, places=2)
amounts = st.decimals(min_value=0, max_value=10**6, places=2)
lieus = st.sampled_from([None, 0, "7.31"])

Entries = dict[int, list[Entry]]


@dataclass(frozen=True)
class History:
    """Trades by asset, some of which the books may refuse, and the actions of both assets."""

    entries: Entries
    actions: list[Action]


def day(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


@st.composite
def actions(draw: Any, number: int) -> Action:
    """One of ASSET, or of CHILD, which nothing leads back from."""
    kind, asset = draw(st.sampled_from(ACTIONS)), draw(st.sampled_from([ASSET, ASSET, CHILD]))
    if asset == CHILD and kind in ("spin_off", "merger"):
        kind = "split"
    return acted(kind, day(number), asset=asset, **draw(terms_of(kind)))


ACTIONS = [kind.value for kind in ActionKind]
EVENTS = ("buy", "buy", "sell", "sell", "out", "in", "action", "action", "action")
RATIOS = st.sampled_from(["2", "3", "1.5", "1.3333333333"])


@st.composite
def terms_of(draw: Any, kind: str) -> dict[str, Any]:
    ratio, lieu = draw(RATIOS), draw(lieus)
    cash = draw(st.sampled_from(["0.005", "0.5", "900"]))
    if kind == "merger":
        return draw(merger_terms(ratio, lieu, cash))
    found: dict[str, dict[str, Any]] = {
        "split": {"ratio": ratio, "cash_in_lieu": lieu},
        "reverse_split": {"ratio": 1, "per": ratio, "cash_in_lieu": lieu},
        "stock_dividend": {"ratio": draw(st.sampled_from(["0.05", "0.3333333333"])), "cash_in_lieu": lieu},
        "spin_off": {
            "ratio": draw(st.sampled_from(["1", "2", "0.7"])),
            "per": draw(st.sampled_from(["1", "3", "7"])),
            "target": CHILD,
            "basis_share": draw(st.sampled_from(["0", "0.3", "0.3333333333"])),
            "cash_in_lieu": lieu,
        },
        "return_of_capital": {"cash": cash},
        "cash_dividend": {"cash": cash, "withholding_rate": draw(st.sampled_from(["0", "0.15"]))},
        "symbol_change": {},
    }
    return found[kind]


@st.composite
def merger_terms(draw: Any, ratio: str, lieu: Any, cash: str) -> dict[str, Any]:
    """For stock, for cash, or for both."""
    stock = {"ratio": ratio, "per": draw(st.sampled_from(["1", "7"])), "target": CHILD, "cash_in_lieu": lieu}
    both = stock | {"cash": cash, "target_price": draw(st.sampled_from(["0.01", "50"]))}
    return draw(st.sampled_from([stock, both, {"cash": cash}]))


@st.composite
def histories(draw: Any, kinds: tuple[str, ...] = EVENTS) -> History:
    """A purchase or short sale, and within a week what comes of it: trades of both assets and actions."""
    first = "sell" if "in" in kinds and draw(st.integers(0, 4)) == 0 else "buy"
    entries: Entries = {ASSET: [draw(trades(first, 0))], CHILD: []}
    applied: list[Action] = []
    for number in sorted(draw(st.lists(st.integers(0, 6), min_size=3, max_size=12))):
        kind = draw(st.sampled_from(kinds))
        if kind == "action":
            applied.append(draw(actions(number)))
        else:
            entries[draw(st.sampled_from([ASSET, ASSET, CHILD]))].append(draw(trades(kind, number)))
    return History(entries, applied)


@st.composite
def trades(draw: Any, kind: str, number: int) -> Entry:
    quantity, amount, base = draw(quantities), draw(amounts), draw(amounts)
    clock = draw(st.sampled_from(["10:00", "15:30"]))
    if kind == "buy":
        return bought(day(number), quantity, amount, base=base, clock=clock)
    if kind == "sell":
        return sold(day(number), quantity, amount, base=base, rate="0.9", clock=clock)
    if kind == "in":
        return moved_in(day(number), (day(number - 30), quantity, amount), (day(number - 3), draw(quantities), base))
    return moved_out(day(number), quantity)


@st.composite
def rules(draw: Any, methods: list[str] = METHODS, *, short: bool | None = None) -> Rules:
    chosen = st.tuples(st.integers(0, 6), st.sampled_from(methods))
    changes = draw(st.lists(chosen, max_size=2, unique_by=lambda change: change[0]))
    dated = tuple(sorted((START + timedelta(days=number), method) for number, method in changes))
    allowed = draw(st.booleans()) if short is None else short
    return Rules(draw(st.sampled_from(methods)), dated, allow_short=allowed)


def kept(history: History, under: Rules) -> tuple[Entries, dict[int, Book]]:
    """The trades that the books do not refuse, and their books."""
    entries = {asset: list(found) for asset, found in history.entries.items()}
    while True:
        try:
            return entries, fold_all(entries, under, history.actions)
        except Refused as error:
            for found in entries.values():
                found[:] = [entry for entry in found if entry.key != error.entry.key]


def with_picks(entries: Entries, under: Rules, data: st.DataObject) -> Entries:
    """``entries`` where sales and transfers out of ASSET pick lots by name, more often than not such as are open."""
    opened = [entry.key for entry in entries[ASSET] if entry.kind in (EntryKind.BUY, EntryKind.TRANSFER_IN)]
    if not opened:
        return entries
    picking = []
    for entry in entries[ASSET]:
        leaves = entry.kind in (EntryKind.SELL, EntryKind.TRANSFER_OUT)
        keys = data.draw(st.lists(st.sampled_from(opened), max_size=2, unique=True)) if leaves else []
        part = (entry.quantity / max(len(keys), 1)).quantize(Decimal("0.01"))
        picking.append(replace(entry, picks=tuple(Pick(key, 0, part) for key in keys if part)))
    return entries | {ASSET: picking}


def all_of(entries: Entries, *kinds: EntryKind) -> list[Entry]:
    return [entry for found in entries.values() for entry in found if entry.kind in kinds]


def total(values: Any) -> Decimal:
    return sum(values, Decimal(0))
