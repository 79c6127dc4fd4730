"""The form of an optimisation: its terms in percent, a row for each asset and sector, and rows of views."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from analytics.optimiser import MOST_VIEWS, AssetLimit, SectorLimit, Terms, View
from banking.forms.fields import PlainDecimalField
from core.errors import DomainError

OBJECTIVES = {
    "min_variance": _("Least variance"),
    "max_sharpe": _("Best Sharpe ratio"),
    "target_return": _("Least variance for a return"),
    "target_volatility": _("Most return for a volatility"),
    "risk_parity": _("Risk parity: each asset bears the same risk"),
    "hrp": _("Hierarchical risk parity"),
    "black_litterman": _("Black–Litterman: the market, moved by views"),
    "min_cvar": _("Least expected shortfall"),
}
ESTIMATORS = {
    "sample": _("Sample"),
    "ewma": _("EWMA, λ 0.94: the last weeks count most"),
    "ledoit_wolf": _("Ledoit–Wolf: shrunk"),
}
MARKETS = {
    "current": _("What is held"),
    "equal": _("Equal weights"),
    "capitalisation": _("The companies’ market values"),
}
WINDOWS = {"252": _("1 year"), "504": _("2 years"), "756": _("3 years"), "1260": _("5 years"), "": _("All there is")}
LOOKBACKS = {"126": _("Half a year"), "252": _("1 year"), "504": _("2 years")}
VIEW = re.compile(r"view-([0-9]{1,3})-(asset|against|earns|confidence)")
BLANK_VIEWS = 3
LONGEST = 16  # characters of a percentage
SYMBOLS = re.compile(r"[\s,;]+")
SYMBOL = re.compile(r"[^\s\x00-\x1f]{1,32}")


class PercentField(PlainDecimalField):
    """A percentage as a fraction: 12.5 is 0.125; None when it is left out."""

    default_error_messages = {"invalid": _("Write a percentage in plain digits, such as 12.5.")}

    def __init__(self, **kwargs: Any) -> None:
        shown = {"inputmode": "decimal", "autocomplete": "off", "maxlength": LONGEST, "class": "form-control"}
        super().__init__(**{"required": False, "widget": forms.TextInput(attrs=shown)} | kwargs)

    def to_python(self, value: Any) -> float | None:  # type: ignore[override]  # the solver reckons in floats
        text = str(value or "").strip().removesuffix("%").strip()
        if len(text) > LONGEST:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        number = super().to_python(text)
        return None if number is None else float(number / 100)


@dataclass(slots=True)
class Row:
    """Inputs in one row of a table, as they were written; ``key`` is the asset's or sector's, empty for a view."""

    key: str
    name: str
    prefix: str
    written: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def blank(self) -> bool:
        return not any(text.strip() for text in self.written.values())

    def percent(self, part: str) -> float | None:
        try:
            return PercentField().clean(self.written.get(part, ""))
        except ValidationError as error:
            self.errors += [text for text in error.messages if text not in self.errors]
            return None


def _select(label: Any, choices: Mapping[str, Any], **options: Any) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, choices=list(choices.items()), widget=widget, **options)


class OptimiserForm(forms.Form):
    """``held`` are the assets that are held, by symbol, with name and sector."""

    use_required_attribute = False

    objective = _select(_("What is best"), OBJECTIVES)
    target = PercentField(label=_("Target, % a year"))
    estimator = _select(_("Covariance"), ESTIMATORS)
    window = _select(_("Estimated from"), WINDOWS, required=False)
    risk_free = PercentField(label=_("Risk-free return, % a year"))
    level = PercentField(label=_("Level of the shortfall, %"))
    lower = PercentField(label=_("Each asset at least, %"))
    upper = PercentField(label=_("Each asset at most, %"))
    turnover = PercentField(label=_("Turnover at most, %"))
    market = _select(_("Held without views"), MARKETS)
    extra = forms.CharField(
        label=_("Further assets"),
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off", "placeholder": "MSFT, KO"}),
    )
    lookback = _select(_("Each step of the walk forward knows"), LOOKBACKS)
    cost = PercentField(label=_("Cost of trading, %"))

    def __init__(
        self, data: Mapping[str, Any] | None, *, held: Mapping[str, tuple[str, str]], sectors: Iterable[str]
    ) -> None:
        first = {"window": "756", "lookback": "252", "lower": "0", "upper": "100", "level": "95", "risk_free": "0"}
        super().__init__(data, initial=first | {"cost": Decimal("0.1")}, label_suffix="", auto_id="optimiser-%s")
        given = {} if data is None else {key: str(data[key]) for key in data}
        self.assets = [Row(symbol, name, f"asset-{place}") for place, (symbol, (name, _)) in enumerate(held.items())]
        self.sectors = [Row(name, name, f"sector-{place}") for place, name in enumerate(sectors)]
        for row in self.assets:
            row.written = {side: given.get(f"{side}:{row.key}", "") for side in ("lower", "upper")}
        for row in self.sectors:
            row.written = {side: given.get(f"{side}:{row.key}", "") for side in ("minimum", "maximum")}
        self.views = _view_rows(given)
        for name, known in self.fields.items():
            known.widget.attrs["aria-describedby"] = f"hint-{name} error-{name}"

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        found["assets"] = tuple(
            AssetLimit(row.key, row.percent("lower"), row.percent("upper")) for row in self.assets if not row.blank
        )
        found["sectors"] = tuple(
            SectorLimit(row.key, row.percent("minimum"), row.percent("maximum"))
            for row in self.sectors
            if not row.blank
        )
        found["views"] = tuple(view for row in self.views if not row.blank for view in _view(row))
        if any(row.errors for row in (*self.assets, *self.sectors, *self.views)):
            raise ValidationError(_("Some rows cannot be read; see the tables."))
        return found

    def clean_extra(self) -> tuple[str, ...]:
        symbols = tuple(dict.fromkeys(word for word in SYMBOLS.split(self.cleaned_data["extra"]) if word))
        if not all(SYMBOL.fullmatch(symbol) for symbol in symbols):
            raise ValidationError(_("Write symbols, with commas between them."))
        return symbols

    def terms(self, **more: Any) -> Terms:
        """What was asked for; what was left out has its usual value."""
        left_out = {name for name, value in self.cleaned_data.items() if value is None}
        values = {name: value for name, value in self.cleaned_data.items() if name not in left_out}
        window = values.pop("window")
        values["window"] = int(window) if window else None
        values["lookback"] = int(values["lookback"])
        return Terms(**values | more)

    @property
    def sectors_written(self) -> bool:
        return any(not row.blank for row in self.sectors)

    @property
    def assets_written(self) -> bool:
        return any(not row.blank for row in self.assets)

    @property
    def views_written(self) -> bool:
        return any(not row.blank for row in self.views) or self.data.get("action") == "rows"

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        self.add_error(error.field if error.field in self.fields else None, error.message)


def _view_rows(given: Mapping[str, str]) -> list[Row]:
    """The views that were sent, and some rows to write more into."""
    rows: dict[int, Row] = {}
    for key, text in given.items():
        if match := VIEW.fullmatch(key):
            number = int(match[1])
            rows.setdefault(number, Row("", "", f"view-{number}")).written[match[2]] = text
    found = [rows[number] for number in sorted(rows)][: MOST_VIEWS + BLANK_VIEWS]
    first, blank = max(rows, default=-1) + 1, sum(1 for row in found if row.blank)
    return found + [Row("", "", f"view-{first + more}") for more in range(max(0, BLANK_VIEWS - blank))]


def _view(row: Row) -> Sequence[View]:
    asset, against = (row.written.get(part, "").strip() for part in ("asset", "against"))
    earns, confidence = row.percent("earns"), row.percent("confidence")
    if not SYMBOL.fullmatch(asset) or (against and not SYMBOL.fullmatch(against)):
        row.errors.append(str(_("Name the asset by its symbol.")))
    elif (earns is None or confidence is None) and not row.errors:
        row.errors.append(str(_("Say what it earns a year, and how sure that is.")))
    if row.errors or earns is None or confidence is None:
        return ()
    return (View(asset, earns, confidence, against),)
