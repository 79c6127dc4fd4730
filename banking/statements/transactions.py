"""Rows of transactions.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from banking.statements import base
from banking.statements.base import Decimals, Wrong, shortened, words

COLUMNS = (
    *("external_id", "account_ref", "date", "amount", "currency", "section", "category"),
    *("description", "counterparty_name", "counterparty_account", "transfer_group_id"),
)
SECTIONS = frozenset(("income", "expense", "transfer"))
LONGEST = {
    "external_id": 64,
    "account_ref": 40,
    "category": 60,
    "description": 255,
    "counterparty_name": 140,
    "counterparty_account": 34,
    "transfer_group_id": 64,
}
MOST = tuple(LONGEST.get(name, 40) for name in COLUMNS)


@dataclass(slots=True)
class TransactionRow:
    """One row. ``units`` are ten-thousandths of the currency, negative for an outflow; what is empty is ""."""

    external_id: str
    account_ref: str
    day: str
    units: int
    currency: str
    section: str
    category: str
    description: str
    counterparty: str
    counterparty_account: str
    transfer_group: str


class TransactionParser:
    """Cells to rows, for one file whose columns stand at ``places`` (in the order of COLUMNS)."""

    def __init__(self, places: Sequence[int]) -> None:
        self._places = tuple(places)
        self._decimals = Decimals()
        self._days: dict[str, str] = {}

    def parse(self, cells: Sequence[str]) -> TransactionRow:
        """Raises Wrong with what is the matter."""
        if len(cells) != len(COLUMNS):
            raise Wrong(f"{len(cells)} columns instead of {len(COLUMNS)}")
        given = [cells[place].strip() for place in self._places]
        external_id, ref, day, amount, currency, section, category, text, name, code, group = given
        if not "".join(given).isprintable() or any(map(int.__gt__, map(len, given), MOST)):
            external_id, ref, category, text, name, code, group = _fitting(given)
        section = section.lower()
        if section not in SECTIONS:
            raise Wrong(f"section “{shortened(section)}” is not income, expense or transfer")
        if not ref:
            raise Wrong("account_ref is missing")
        if code and not name:
            name = code
        if group and section != "transfer":
            raise Wrong("a row with a transfer_group_id is of the section transfer")
        units = self._decimals.units("amount", amount)
        return TransactionRow(
            external_id, ref, self._day(day), units, currency.upper(), section, category, text, name, code, group
        )

    def _day(self, text: str) -> str:
        known = self._days.get(text)
        if known is None:
            known = base.day("date", text)
            if len(self._days) < 100_000:
                self._days[known] = known
        return known


def _fitting(given: Sequence[str]) -> list[str]:
    """The texts on one line each, none longer than is kept."""
    named = dict(zip(COLUMNS, given, strict=True))
    return [words(name, named[name], longest) for name, longest in LONGEST.items()]
