"""The forms of corporate actions: one for each kind, with the terms that it has."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from assets.forms.fields import AssetField
from assets.models import ActionKind
from assets.services.actions import ALLOWED, NEEDED
from banking.forms.fields import PlainDecimalField
from core.errors import DomainError
from portfolios.forms.rows import DayField, first_values
from portfolios.forms.trade import MISSING, field_class, once_key
from users.models import User

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

EXPLAINED: dict[str, _StrOrPromise] = {
    ActionKind.SPLIT: _("Every holder has more units for those held, at the same cost in all. 2 for 1: two for one."),
    ActionKind.REVERSE_SPLIT: _(
        "Every holder has fewer units for those held, at the same cost in all. 1 for 10: one unit for ten."
    ),
    ActionKind.STOCK_DIVIDEND: _("New units come on top of those held and cost nothing more. 5 for 100: five percent."),
    ActionKind.SPIN_OFF: _(
        "Units of another security come on top, and a share of each lot’s cost moves over to them. "
        "Lots keep their opening day."
    ),
    ActionKind.MERGER: _(
        "The units go away for units of another security, for cash, or for both. Stock carries the "
        "cost over; cash realises a gain."
    ),
    ActionKind.SYMBOL_CHANGE: _("The security goes on under another symbol. Nothing changes in any book."),
    ActionKind.RETURN_OF_CAPITAL: _(
        "Cash gives back a part of what was paid: it lowers each lot’s cost. What exceeds the cost is gain."
    ),
    ActionKind.CASH_DIVIDEND: _(
        "Cash is paid to who held at the close before the ex-date. It is due from the ex-date on "
        "and comes on the pay-date."
    ),
}
RATIO_SAYS = {
    ActionKind.SPLIT: (_("Units after"), _("for units before")),
    ActionKind.REVERSE_SPLIT: (_("Units after"), _("for units before")),
    ActionKind.STOCK_DIVIDEND: (_("New units on top"), _("for units held")),
    ActionKind.SPIN_OFF: (_("Units of the new security"), _("for units held")),
    ActionKind.MERGER: (_("Units of the other security"), _("for units held")),
}
HINTS: dict[str, _StrOrPromise] = {
    "asset": _("Symbol, name or ISIN."),
    "ex_date": _("It applies at the start of this day, to who held at the close before."),
    "pay_date": _("When its cash comes; the ex-date if empty."),
    "ratio": _("Such as 2."),
    "per": _("1 if empty."),
    "cash": _("Per unit held, gross."),
    "currency": _("Of the cash; the security’s if empty."),
    "withholding_rate": _("A fraction, such as 0.15."),
    "cash_in_lieu": _("Per new unit, for fractions. Fractions are kept if empty."),
    "target": _("The other security: symbol, name or ISIN."),
    "target_price": _("Of a unit of it on the ex-date; needed where cash is paid too."),
    "basis_share": _("The fraction of the cost that moves over, such as 0.3."),
    "new_symbol": _("Capitals, digits and . - = ^ / only."),
    "note": "",
}
ORDER = (
    *("ratio", "per", "target", "basis_share", "cash", "target_price", "currency", "withholding_rate"),
    *("cash_in_lieu", "new_symbol", "pay_date"),
)
LABELS = {"cash_in_lieu": _("Cash in lieu of fractions"), "target": _("Other security"), "target_price": _("Its price")}
LABELS |= {"cash": _("Cash"), "currency": _("Currency"), "new_symbol": _("New symbol")}
LABELS |= {"basis_share": _("Share of the cost"), "withholding_rate": _("Withheld tax")}
SEARCHED: dict[str, Any] = {
    "list": "asset-options",
    "autocomplete": "off",
    "spellcheck": "false",
    "hx-sync": "this:replace",
    "hx-get": reverse_lazy("asset-options"),
    "hx-target": "#asset-options",
    "hx-swap": "innerHTML",
    "hx-trigger": "input changed delay:200ms",
}
TEXTS = {"currency": 3, "new_symbol": 32}


class ActionForm(forms.Form):
    """A corporate action of one ``kind``."""

    asset = AssetField(label=_("Security"))
    ex_date = DayField(label=_("Ex-date"), widget=forms.DateInput(attrs={"type": "date"}))
    note = forms.CharField(label=_("Note"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}))
    key = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *, user: User, kind: ActionKind, asset: str = "") -> None:
        super().__init__(data, initial={"key": uuid.uuid4(), "asset": asset}, use_required_attribute=False)
        self.kind, self.sent = kind, first_values(data)
        for name in ORDER:
            if name in ALLOWED[kind]:
                self.fields[name] = _field(name, kind)
        for name, known in self.fields.items():
            known.widget.attrs |= {"aria-describedby": f"hint-{name} error-{name}", "class": field_class(known)}
            if isinstance(known, AssetField):
                known.user = user
                known.widget.attrs |= SEARCHED
        self.order_fields(["asset", "ex_date", *ORDER, "note", "key"])

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean_new_symbol(self) -> str:
        return str(self.cleaned_data["new_symbol"]).strip().upper()

    @property
    def explained(self) -> _StrOrPromise:
        return EXPLAINED[self.kind]

    @property
    def shown(self) -> list[tuple[forms.BoundField, _StrOrPromise]]:
        """The fields with their hints, without the key."""
        return [(self[name], HINTS[name]) for name in self.fields if name != "key"]

    def terms(self) -> dict[str, Any]:
        """What ``apply_action`` takes, of a form that is valid."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "key" and value not in (None, "")}
        return {"note": "", **given, "kind": self.kind.value}

    @property
    def once_key(self) -> str:
        """The same for what is sent twice from one page."""
        return once_key(self.cleaned_data.get("key"), [pair for pair in self.sent.items() if pair[0] in self.fields])

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        name = error.field if error.field in self.fields else None
        self.add_error(name, forms.ValidationError(error.message, code=error.code))

    def said(self) -> list[tuple[str, list[str]]]:
        """Every input's name with what is wrong with it; what is still missing is no mistake yet."""
        found = self.errors.as_data()
        return [
            (name, [text for error in found.get(name, []) if error.code not in NOT_YET for text in error.messages])
            for name in self.fields
            if name != "key"
        ]

    @property
    def missing(self) -> list[str]:
        found = self.errors.as_data()
        return [
            str(self[name].label) for name in self.fields if any(error.code in NOT_YET for error in found.get(name, []))
        ]

    @property
    def general(self) -> list[str]:
        return [str(text) for text in self.non_field_errors()] if self.is_bound else []


NOT_YET = (*MISSING, "term_missing")


def _field(name: str, kind: ActionKind) -> forms.Field:
    label = RATIO_SAYS[kind][name == "per"] if name in ("ratio", "per") else LABELS.get(name)
    required = name in NEEDED[kind]
    if name == "target":
        return AssetField(label=label, required=required)
    if name == "pay_date":
        return DayField(label=_("Pay-date"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    if name in TEXTS:
        return forms.CharField(label=label, required=required, max_length=TEXTS[name])
    return PlainDecimalField(label=label, required=required)


class ActionFilterForm(forms.Form):
    """What the list of corporate actions is narrowed by."""

    asset = forms.CharField(label=_("Security"), required=False, max_length=200)
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", _("Every kind")), *ActionKind.choices], required=False)
    start = DayField(label=_("Ex-date from"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    end = DayField(label=_("to"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    voided = forms.BooleanField(label=_("Voided, too"), required=False)

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data, use_required_attribute=False)
        for name, known in self.fields.items():
            known.widget.attrs |= {"aria-describedby": f"error-{name}"}
            if name != "voided":
                known.widget.attrs["class"] = field_class(known)
