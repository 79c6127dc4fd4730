"""What the lists of a portfolio are narrowed by: the query string as checked values.

A value that is none is told beside its field, and otherwise answered like an empty one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from assets.models import Asset, AssetType
from banking.models import Account
from core.api import ISO_DATE
from portfolios.queries.holding_list import ORDERS, STATES, sector_of
from portfolios.queries.holdings import Holding
from portfolios.queries.transactions import KINDS, Wanted

EARLIEST_ZONE = timedelta(hours=14)  # where a day begins first
EARLIEST = date(1900, 1, 1)
LONGEST_TEXT = 100
Choices = Iterable[tuple[str, str]]
ORDER_NAMES = {
    "-value": "Value, largest first",
    "value": "Value, smallest first",
    "symbol": "Symbol",
    "name": "Name",
    "sector": "Sector",
    "type": "Type",
    "currency": "Currency",
    "-quantity": "Quantity",
    "-average_cost": "Average cost",
    "-cost": "Cost",
    "-price": "Price",
    "-gain": "Gain, best first",
    "gain": "Gain, worst first",
    "-return": "Gain in percent, best first",
    "return": "Gain in percent, worst first",
    "-realised": "Realised gain",
    "-income": "Income",
    "-weight": "Weight",
    "held": "Held longest first",
    "-held": "Held shortest first",
}
DEFAULT_ORDER = "-value"


class DayField(forms.DateField):
    """A day that has begun somewhere, written YYYY-MM-DD, as a date picker sends it."""

    widget = forms.DateInput(attrs={"type": "date", "class": "form-control"}, format="%Y-%m-%d")
    default_error_messages = {"invalid": "Write a day, such as 2024-05-31."}

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, input_formats=["%Y-%m-%d"], **options)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What no day is, a date picker could not show either, and would complain about."""
        return data if ISO_DATE.fullmatch(data or "") else ""

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day and day > (timezone.now() + EARLIEST_ZONE).date():
            raise ValidationError("This day is in the future.")
        if day and day < EARLIEST:
            raise ValidationError(f"Nothing is known before {EARLIEST.year}.")
        return day


class Filter(forms.Form):
    """A form of optional fields that is never refused as a whole."""

    use_required_attribute = False

    def __init__(self, query: Mapping[str, Any]) -> None:
        super().__init__(query, auto_id="filter-%s", label_suffix="")
        self._choose()
        self.full_clean()

    def _choose(self) -> None:
        """Fill in the choices that depend on what there is."""

    def value(self, name: str) -> Any:
        """The checked value; None or empty where nothing, or nothing that fits, was given."""
        return self.cleaned_data.get(name)

    @property
    def narrows(self) -> bool:
        """Whether anything but the order and the valuation day is asked for."""
        kept = {"sort", "as_of"}
        return any(value not in (None, "", False) for name, value in self.cleaned_data.items() if name not in kept)


def _choice(label: str, choices: Choices = ()) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, choices=list(choices), required=False, widget=widget)


def _text(where: str) -> forms.CharField:
    """``where`` says what is searched."""
    shown = {"class": "form-control", "type": "search", "autocomplete": "off", "placeholder": where}
    widget = forms.TextInput(attrs=shown)
    return forms.CharField(label="Search", required=False, max_length=LONGEST_TEXT, widget=widget)


class HoldingFilter(Filter):
    """``?q=&sector=&type=&currency=&state=&as_of=&sort=``"""

    q = _text("Symbol or name")
    sector = _choice("Sector")
    type = _choice("Type")
    currency = _choice("Currency")
    state = _choice("Show", [("", STATES["open"]), *((key, STATES[key]) for key in ("closed", "all"))])
    as_of = DayField(label="As of")
    sort = _choice("Order", ORDER_NAMES.items())

    def __init__(self, query: Mapping[str, Any], holdings: Iterable[Holding]) -> None:
        self._holdings = list(holdings)
        super().__init__(query)

    def _choose(self) -> None:
        sectors = sorted({sector_of(holding) for holding in self._holdings})
        types = {holding.asset_type for holding in self._holdings}
        currencies = sorted({holding.currency for holding in self._holdings})
        self._set("sector", [("", "All"), *((name, name) for name in sectors)])
        self._set("type", [("", "All"), *(choice for choice in AssetType.choices if choice[0] in types)])
        self._set("currency", [("", "All"), *((code, code) for code in currencies)])
        given = self.data.get("sort", "")
        if given.removeprefix("-") in ORDERS and given not in ORDER_NAMES:  # a head's other direction
            self._set("sort", [*ORDER_NAMES.items(), (given, "As chosen in the table")])

    def _set(self, name: str, choices: Choices) -> None:
        self.fields[name].choices = list(choices)  # type: ignore[attr-defined]

    @property
    def order(self) -> str:
        return self.value("sort") or DEFAULT_ORDER


class DayFilter(Filter):
    """``?as_of=``"""

    as_of = DayField(label="As of")


class TransactionFilter(Filter):
    """``?kind=&asset=&account=&start=&end=&q=&voided=``"""

    q = _text("Note or external id")
    kind = _choice("Kind", [("", "All"), *KINDS.items()])
    asset = _choice("Security")
    account = _choice("Account")
    start = DayField(label="From")
    end = DayField(label="To")
    voided = forms.BooleanField(
        label="With voided ones", required=False, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
    )

    def __init__(self, query: Mapping[str, Any], assets: Sequence[Asset], accounts: Sequence[Account]) -> None:
        self._assets, self._accounts = assets, accounts
        super().__init__(query)

    def _choose(self) -> None:
        assets = [(asset.symbol, f"{asset.symbol} {asset.name}") for asset in self._assets]
        accounts = [(str(account.pk), str(account)) for account in self._accounts]
        self.fields["asset"].choices = [("", "All"), *assets]  # type: ignore[attr-defined]
        self.fields["account"].choices = [("", "All"), *accounts]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        start, end = found.get("start"), found.get("end")
        if start and end and start > end:
            self.add_error("end", "This day lies before the first.")
        return found

    @property
    def anything(self) -> bool:
        """Whether there is anything to narrow, voided or not."""
        return bool(self._assets)

    def wanted(self, also: int | None = None) -> Wanted:
        """What the query takes; ``also`` is a trade that is shown even if it is voided."""
        account = self.value("account")
        return Wanted(
            kind=self.value("kind") or "",
            asset=self.value("asset") or "",
            account=int(account) if account else None,
            start=self.value("start"),
            end=self.value("end"),
            text=self.value("q") or "",
            voided=bool(self.value("voided")),
            also=also,
        )
