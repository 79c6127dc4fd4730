"""The repeated parts of a trade's form: lots that a transfer brings, and lots that a sale picks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from banking.forms.fields import PlainDecimalField
from core.api import plain
from core.web import typable
from portfolios.services.terms import MOST_LOTS, NewLot, NewPick

BLANK_ROWS = 2
BROUGHT = re.compile(r"lots-([0-9]{1,4})-(opened_on|quantity|cost|cost_base)")
PICKED = re.compile(r"pick-([0-9]{1,18})-([0-9]{1,6})")


class DayField(forms.DateField):
    """YYYY-MM-DD, as a date input sends it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)


LOT_FIELDS: dict[str, forms.Field] = {
    "opened_on": DayField(),
    "quantity": PlainDecimalField(),
    "cost": PlainDecimalField(),
    "cost_base": PlainDecimalField(required=False),
}


@dataclass(slots=True)
class LotRow:
    """One row of lots that a transfer in brings, as it was written."""

    number: int
    written: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    @property
    def blank(self) -> bool:
        return not any(text.strip() for text in self.written.values())

    def name(self, field_name: str) -> str:
        return f"lots-{self.number}-{field_name}"

    def cleaned(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, known in LOT_FIELDS.items():
            try:
                values[name] = known.clean(self.written.get(name, ""))
            except ValidationError as error:
                self.errors[name] = list(error.messages)
                if error.code == "required":
                    self.missing.add(name)
        return values


def lot_rows(data: Mapping[str, Any]) -> list[LotRow]:
    """The rows that were sent, in the order of their numbers."""
    rows: dict[int, LotRow] = {}
    for key in data:
        if match := BROUGHT.fullmatch(key):
            number = int(match[1])
            rows.setdefault(number, LotRow(number)).written[match[2]] = str(data[key])
    return [rows[number] for number in sorted(rows)]


def rows_of(lots: Sequence[NewLot], *, same_currency: bool) -> list[LotRow]:
    """Rows that say what ``lots`` are; a cost in the base currency only where that is another one."""
    return [
        LotRow(
            number,
            {
                "opened_on": lot.opened_on.isoformat(),
                "quantity": typable(plain(lot.quantity)),
                "cost": typable(plain(lot.cost)),
                "cost_base": "" if same_currency or lot.cost_base is None else typable(plain(lot.cost_base)),
            },
        )
        for number, lot in enumerate(lots)
    ]


def with_blanks(rows: list[LotRow]) -> list[LotRow]:
    """``rows`` and some to write into."""
    first = max((row.number for row in rows), default=-1) + 1
    blank = sum(1 for row in rows if row.blank)
    return rows + [LotRow(first + more) for more in range(max(0, BLANK_ROWS - blank))]


@dataclass(slots=True)
class Picks:
    """What was written beside each lot that can be picked, by the input's name."""

    written: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Picks:
        return cls({key: str(data[key]) for key in data if PICKED.fullmatch(key)})

    @classmethod
    def stating(cls, picks: Sequence[NewPick]) -> Picks:
        return cls({f"pick-{pick.opened_by}-{pick.sequence}": typable(plain(pick.quantity)) for pick in picks})

    @property
    def names(self) -> list[str]:
        """Those beside which something is written, in the order in which they are booked."""
        return [name for name, text in self.written.items() if text.strip()]

    def cleaned(self) -> list[NewPick]:
        picks = []
        for name in self.names[: MOST_LOTS + 1]:  # one more is refused by name
            opened_by, sequence = map(int, name.removeprefix("pick-").split("-"))
            try:
                quantity = PlainDecimalField().clean(self.written[name])
            except ValidationError as error:
                self.errors[name] = list(error.messages)
            else:
                picks.append(NewPick(opened_by, quantity, sequence))
        return picks


def first_values(data: QueryDict | Mapping[str, Any] | None) -> dict[str, Any]:
    """One value for each name."""
    return {} if data is None else {key: data[key] for key in data}
