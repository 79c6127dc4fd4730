"""A figure as a row of a page: its value, its unit, what it is from, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from analytics.figures import Label

UNITS = {"fraction": _("percent"), "fraction a year": _("percent a year"), "ratio": _("ratio")}


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure. ``value`` is None where ``problem`` says why there is none; ``amount`` is a loss in money."""

    key: str
    label: Label
    detail: str
    signed: bool
    value: float | None
    amount: Decimal | None
    problem: str

    @property
    def is_ratio(self) -> bool:
        return self.label.unit == "ratio"

    @property
    def unit(self) -> str:
        return str(UNITS[self.label.unit])
