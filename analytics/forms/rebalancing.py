"""The form of a rebalancing: target weights in percent, row by row, and how to trade."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from analytics.services.rebalance_request import FRACTIONAL, WHOLE
from assets.models import Asset
from banking.forms.fields import PlainDecimalField
from core.api import plain
from core.errors import DomainError
from core.money import EXACT
from core.web import typable
from portfolios.book.allocation import Mode, Reach
from portfolios.forms.trade import field_class
from portfolios.services.targets import MOST_TARGETS, NewTarget
from users.models import User

BLANK_ROWS = 2
CELL = re.compile(r"target-([0-9]{1,4})-(asset|weight|lot_size)")
PERCENT = Decimal(100)
MOST_MONEY = Decimal(10) ** 15


class PercentField(PlainDecimalField):
    """A fraction that people write in percent: 12.5 is 0.125."""

    default_error_messages = {"range": _("Write a percentage from 0 to %(most)s with at most %(places)s decimals.")}

    def __init__(self, *, most: int = 100, places: int = 8, **kwargs: Any) -> None:
        super().__init__(**{"required": False} | kwargs)
        self.most, self.places = most, places

    def to_python(self, value: Any) -> Decimal | None:
        number = super().to_python(value)
        if number is None:
            return None
        if not 0 <= number <= self.most or number.quantize(Decimal(1).scaleb(-self.places), context=EXACT) != number:
            given = {"most": self.most, "places": self.places}
            raise ValidationError(self.error_messages["range"], code="range", params=given)
        return EXACT.divide(number, PERCENT)

    def prepare_value(self, value: Any) -> Any:
        return percent_text(value) if isinstance(value, Decimal) else value


class AmountField(PlainDecimalField):
    """An amount in the portfolio's currency, not negative."""

    default_error_messages = {"range": _("Write an amount that is not negative, with at most 4 decimals.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False} | kwargs)

    def to_python(self, value: Any) -> Decimal | None:
        number = super().to_python(value)
        if number is None:
            return None
        if not 0 <= number < MOST_MONEY or number.quantize(Decimal("0.0001"), context=EXACT) != number:
            raise ValidationError(self.error_messages["range"], code="range")
        return number


def percent_text(weight: Decimal) -> str:
    """``12.5`` for 0.125: as an input takes it back."""
    return typable(plain(EXACT.multiply(weight, PERCENT)))


CELLS: dict[str, forms.Field] = {
    "weight": PercentField(required=False),
    "lot_size": PlainDecimalField(required=False),
}


class Cell(NamedTuple):
    """One input of a row: its name, what is written in it and what is wrong with that."""

    name: str
    text: str
    errors: list[str]


@dataclass(slots=True)
class TargetRow:
    """One row of targets, as it was written; ``name`` and ``now`` (its weight) are told beside it."""

    number: int
    written: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    name: str = ""
    now: Decimal | None = None

    @property
    def blank(self) -> bool:
        return not any(self.text(name) for name in ("asset", "weight"))

    @property
    def weighed(self) -> bool:
        """Whether it states a weight; a security without one has no target."""
        return bool(self.text("weight"))

    def text(self, name: str) -> str:
        return self.written.get(name, "").strip()

    @property
    def place(self) -> int:
        return self.number + 1

    def cell(self, name: str) -> Cell:
        return Cell(f"target-{self.number}-{name}", self.written.get(name, ""), self.errors.get(name, []))

    @property
    def asset_cell(self) -> Cell:
        return self.cell("asset")

    @property
    def weight_cell(self) -> Cell:
        return self.cell("weight")

    @property
    def lot_cell(self) -> Cell:
        return self.cell("lot_size")

    def target(self, assets: Mapping[str, Asset]) -> NewTarget | None:
        """What the row says; None where it says something wrong, which is then beside it."""
        values: dict[str, Decimal | None] = {}
        for name, known in CELLS.items():
            try:
                values[name] = known.clean(self.written.get(name, ""))
            except ValidationError as error:
                self.errors[name] = list(error.messages)
        symbol = self.text("asset").upper()
        if not symbol:
            self.errors["asset"] = [str(_("Name the security."))]
        elif symbol not in assets:
            self.errors["asset"] = [_("There is no security with the symbol “%(symbol)s”.") % {"symbol": symbol[:32]}]
        if self.errors:
            return None
        return NewTarget(assets[symbol], values["weight"] or Decimal(0), values["lot_size"])


class RebalanceForm(forms.Form):
    """How to trade; ``rows`` are the targets."""

    mode = forms.ChoiceField(
        label=_("Trades"),
        choices=[
            (Mode.FULL.value, _("Buy and sell")),
            (Mode.CONTRIBUTION.value, _("Only buy")),
            (Mode.WITHDRAWAL.value, _("Only sell")),
        ],
    )
    amount = AmountField(label=_("Paid in or out"))
    threshold = PercentField(label=_("Threshold, %"), places=2)
    reach = forms.ChoiceField(
        label=_("Trade to"),
        choices=[(Reach.TARGET.value, _("The target")), (Reach.EDGE.value, _("The edge of the band"))],
    )
    units = forms.ChoiceField(label=_("Units"), choices=[(WHOLE, _("Whole")), (FRACTIONAL, _("Fractions"))])
    minimum = AmountField(label=_("Smallest trade"))
    fee_flat = AmountField(label=_("Fee a trade"))
    fee_rate = PercentField(label=_("Fee, %\N{NO-BREAK SPACE}of the trade"), most=50)
    short_rate = PercentField(label=_("Tax on short-term gains, %"))
    long_rate = PercentField(label=_("Tax on long-term gains, %"))
    keep_others = forms.BooleanField(required=False, label=_("Leave alone what has no target"))
    use_cash = forms.BooleanField(required=False, label=_("Spend the free cash as well"))

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        user: User,
        rows: Sequence[TargetRow] = (),
        threshold: Decimal = Decimal(0),
    ) -> None:
        super().__init__(data, initial={"threshold": threshold, "use_cash": True}, use_required_attribute=False)
        self.user = user
        self.rows = list(rows) if data is None else _rows_sent(data)
        for name, known in self.fields.items():
            known.widget.attrs |= {"aria-describedby": f"hint-{name} error-{name}", "class": _class(known)}

    @property
    def rows_to_show(self) -> list[TargetRow]:
        """The rows and some to write into."""
        first = max((row.number for row in self.rows), default=-1) + 1
        blank = sum(1 for row in self.rows if row.blank)
        return self.rows + [TargetRow(first + more) for more in range(max(0, BLANK_ROWS - blank))]

    @property
    def filled(self) -> list[TargetRow]:
        return [row for row in self.rows if row.weighed]

    def targets(self) -> list[NewTarget] | None:
        """The targets of the rows, their assets found by one query; None where a row says something wrong."""
        symbols = {row.text("asset").upper() for row in self.filled}
        assets = Asset.objects.visible_to(self.user).select_related("exchange").in_bulk(symbols, field_name="symbol")
        found = [row.target(assets) for row in self.filled]
        return None if None in found else [target for target in found if target is not None]

    def options(self) -> dict[str, Any]:
        """What ``request_of`` takes beside the targets; what is left empty is as if it was not said."""
        given = {name: value for name, value in self.cleaned_data.items() if value is not None}
        return {"threshold": Decimal(0)} | given

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        place = re.fullmatch(r"targets\.([0-9]+)\.(asset|weight|lot_size)", error.field)
        if place and int(place[1]) < len(self.filled):
            self.filled[int(place[1])].errors[place[2]] = [error.message]
        else:
            self.add_error(error.field if error.field in self.fields else None, error.message)

    def said(self) -> list[tuple[str, list[str]]]:
        """Every input's name with what is wrong with it."""
        own = [(name, [str(text) for text in self.errors.get(name, [])]) for name in self.fields]
        cells = [
            (cell.name, cell.errors)
            for row in self.rows_to_show
            for cell in (row.asset_cell, row.weight_cell, row.lot_cell)
        ]
        return own + cells

    @property
    def checks(self) -> list[forms.BoundField]:
        return [self["keep_others"], self["use_cash"]]

    @property
    def general(self) -> list[str]:
        return [str(text) for text in self.non_field_errors()] if self.is_bound else []


def _class(known: forms.Field) -> str:
    return "form-check-input" if isinstance(known.widget, forms.CheckboxInput) else field_class(known)


def _rows_sent(data: Mapping[str, Any]) -> list[TargetRow]:
    """The rows that were sent, in the order of their numbers."""
    rows: dict[int, TargetRow] = {}
    for key in data:
        if match := CELL.fullmatch(key):
            number = int(match[1])
            rows.setdefault(number, TargetRow(number)).written[match[2]] = str(data[key])
    return [rows[number] for number in sorted(rows)][: MOST_TARGETS + 1]
