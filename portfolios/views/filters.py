"""What the lists of a portfolio are narrowed by: the query string as checked values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.models import Asset, AssetType
from banking.forms.filters import Choices, DayField, Filter, choice_field, text_field
from banking.models import Account
from portfolios.queries.holding_list import GROUP_NAMES, STATES, is_order, sector_of
from portfolios.queries.holdings import Holding
from portfolios.queries.totals import UNCLASSIFIED
from portfolios.queries.transactions import KINDS, Wanted

ORDER_NAMES = {
    "-value": _("Value, largest first"),
    "value": _("Value, smallest first"),
    "symbol": _("Symbol"),
    "name": _("Name"),
    "sector": _("Sector"),
    "type": _("Class"),
    "country": _("Country"),
    "currency": _("Currency"),
    "-quantity": _("Quantity"),
    "-average_cost": _("Average cost"),
    "-cost": _("Cost"),
    "-price": _("Price"),
    "-day": _("Last day, best first"),
    "day": _("Last day, worst first"),
    "-trend": _("Last 90 closes, best first"),
    "trend": _("Last 90 closes, worst first"),
    "-gain": _("Gain, best first"),
    "gain": _("Gain, worst first"),
    "-return": _("Gain in percent, best first"),
    "return": _("Gain in percent, worst first"),
    "-realised": _("Realised gain"),
    "-income": _("Income"),
    "-weight": _("Weight"),
    "held": _("Held longest first"),
    "-held": _("Held shortest first"),
}
DEFAULT_ORDER = "-value"
SHOWN_STATES = [("", STATES["open"]), *((key, STATES[key]) for key in ("closed", "all"))]


class HoldingFilter(Filter):
    """``?q=&sector=&type=&currency=&state=&group=&sort=``"""

    q = text_field(_("Symbol or name"))
    sector = choice_field(_("Sector"))
    type = choice_field(_("Class"))
    currency = choice_field(_("Currency"))
    state = choice_field(_("Show"), SHOWN_STATES)
    group = choice_field(_("Group by"), [("", _("Nothing")), *GROUP_NAMES.items()])
    sort = choice_field(_("Order"), ORDER_NAMES.items())

    def __init__(self, query: Mapping[str, Any], holdings: Iterable[Holding]) -> None:
        self._holdings = list(holdings)
        super().__init__(query)

    def _choose(self) -> None:
        sectors = sorted({sector_of(holding) for holding in self._holdings})
        types = {holding.asset_type for holding in self._holdings}
        currencies = sorted({holding.currency for holding in self._holdings})
        self._set(
            "sector",
            [("", _("All")), *((name, _("Unclassified") if name == UNCLASSIFIED else name) for name in sectors)],
        )
        self._set("type", [("", _("All")), *(choice for choice in AssetType.choices if choice[0] in types)])
        self._set("currency", [("", _("All")), *((code, code) for code in currencies)])
        given = self.data.get("sort", "")
        if is_order(given.removeprefix("-")) and given not in ORDER_NAMES:  # a head's other direction
            self._set("sort", [*ORDER_NAMES.items(), (given, _("As chosen in the table"))])

    def _set(self, name: str, choices: Choices) -> None:
        self.fields[name].choices = list(choices)  # type: ignore[attr-defined]

    @property
    def order(self) -> str:
        return self.value("sort") or DEFAULT_ORDER

    @property
    def narrows(self) -> bool:
        """Groups leave nothing out."""
        return any(self.value(name) for name in ("q", "sector", "type", "currency", "state"))


class TransactionFilter(Filter):
    """``?kind=&asset=&account=&start=&end=&q=&voided=``"""

    q = text_field(_("Note or external id"))
    kind = choice_field(_("Kind"), [("", _("All")), *KINDS.items()])
    asset = choice_field(_("Security"))
    account = choice_field(_("Account"))
    start = DayField(label=_("From"))
    end = DayField(label=_("To"))
    voided = forms.BooleanField(
        label=_("With voided ones"), required=False, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
    )

    def __init__(self, query: Mapping[str, Any], assets: Sequence[Asset], accounts: Sequence[Account]) -> None:
        self._assets, self._accounts = assets, accounts
        super().__init__(query)

    def _choose(self) -> None:
        assets = [(asset.symbol, f"{asset.symbol} {asset.name}") for asset in self._assets]
        accounts = [(str(account.pk), str(account)) for account in self._accounts]
        self.fields["asset"].choices = [("", gettext("All")), *assets]  # type: ignore[attr-defined]
        self.fields["account"].choices = [("", gettext("All")), *accounts]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        start, end = found.get("start"), found.get("end")
        if start and end and start > end:
            self.add_error("end", gettext("This day lies before the first."))
        return found

    @property
    def anything(self) -> bool:
        """Whether there is anything to narrow, voided or not."""
        return bool(self._assets)

    def wanted(self, also: int | None = None, also_cash: int | None = None) -> Wanted:
        """What the query takes; ``also`` is a trade that is shown even if it is voided, ``also_cash`` a cash row."""
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
            also_cash=also_cash,
        )
