"""Which column of a file is which: one choice for each documented column, or what all rows have instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from banking.models import Account, AccountKind, ImportBatch, ImportKind
from banking.services.import_mapping import (
    BY_SIGN,
    CONSTANTS,
    NEEDED,
    ONE_OF,
    ORDERS,
    TARGETS,
    BadMapping,
    ColumnMapping,
    mapping_of,
    missing,
)
from users.models import User

LABELS: dict[str, str | Promise] = {
    "external_id": _("Id of the row"),
    "account_ref": _("Account"),
    "date": _("Day"),
    "amount": _("Amount"),
    "paid_in": _("Money in"),
    "paid_out": _("Money out"),
    "currency": _("Currency"),
    "section": _("Income or expense"),
    "category": _("Category"),
    "description": _("Description"),
    "counterparty_name": _("Counterparty"),
    "counterparty_account": _("Counterparty’s IBAN"),
    "transfer_group_id": _("Id of a transfer’s two rows"),
    "trade_time": _("Day or time of the trade"),
    "symbol": _("Symbol"),
    "isin": _("ISIN"),
    "side": _("Bought or sold"),
    "qty": _("Quantity"),
    "price": _("Price of a unit"),
    "fees": _("Fees"),
}
HINTS: dict[str, str | Promise] = {
    "external_id": _("A row with an id that the account has is skipped."),
    "amount": _("Or money in and money out, where these are two columns."),
    "account_ref": _("An account that has an IBAN or alias."),
    "symbol": _("Or the ISIN."),
}
SECTIONS = [
    (BY_SIGN, _("By the sign of the amount")),
    ("income", _("Income")),
    ("expense", _("Expense")),
    ("transfer", _("Transfer")),
]
SIDES = [(BY_SIGN, _("By the sign of the quantity")), ("BUY", _("Bought")), ("SELL", _("Sold"))]
FEES = [(BY_SIGN, _("What is paid has a minus"))]
CHOICES = {"section": SECTIONS, "side": SIDES, "fees": FEES}
MARKS = [(".", "1,234.50"), (",", "1.234,50")]
NOT_IN_FILE = _("– not in the file")
LONGEST_CATEGORY = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One documented column as the page asks for it."""

    label: str | Promise
    hint: str | Promise
    needed: bool
    column: forms.BoundField
    constant: forms.BoundField | None


class MappingForm(forms.Form):
    """What is said of the file ``batch``, read as a file of ``kind``; begins with ``first``."""

    use_required_attribute = False
    kind = forms.ChoiceField(label=_("What the file has"), choices=ImportKind.choices)
    decimal = forms.ChoiceField(label=_("Numbers are written like"), choices=MARKS)
    dates = forms.ChoiceField(label=_("Days are written like"), choices=list(ORDERS.items()))

    def __init__(self, data: Any, *, batch: ImportBatch, user: User, first: ColumnMapping) -> None:
        self.names: list[str] = batch.head["names"]
        self.user, self.of_kind = user, first.kind
        super().__init__(data, initial=_initial(first, self.names), label_suffix="")
        columns = [("", NOT_IN_FILE), *((str(place), name) for place, name in enumerate(self.names))]
        for target in TARGETS[first.kind]:
            self.fields[f"column-{target}"] = forms.ChoiceField(
                label=str(LABELS[target]), choices=columns, required=False
            )
        for target in CONSTANTS[first.kind]:
            self.fields[f"constant-{target}"] = self._constant(target)
        for known in self.fields.values():
            known.widget.attrs["class"] = "form-select" if isinstance(known, forms.ChoiceField) else "form-control"

    def _constant(self, target: str) -> forms.Field:
        label = _("%(name)s of all rows") % {"name": LABELS[target]}
        given: dict[str, Any] = {"label": label, "required": False}
        if target == "account_ref":
            self.accounts = _accounts(self.user)
            return forms.ChoiceField(choices=[("", "–"), *((ref, str(a)) for ref, a in self.accounts.items())], **given)
        if target in CHOICES:
            return forms.ChoiceField(choices=[("", "–"), *CHOICES[target]], **given)
        return forms.CharField(max_length=3 if target == "currency" else LONGEST_CATEGORY, **given)

    def lines(self) -> Iterator[Line]:
        """The documented columns, those that are needed first."""
        needed = (*NEEDED[self.of_kind], ONE_OF[self.of_kind][0])
        for target in sorted(TARGETS[self.of_kind], key=lambda name: name not in needed):
            constant = f"constant-{target}"
            yield Line(
                LABELS[target],
                HINTS.get(target, ""),
                target in needed,
                self[f"column-{target}"],
                self[constant] if constant in self.fields else None,
            )

    def mapping(self) -> ColumnMapping | None:
        """What was said; None where it does not say which column is which, which the form then tells."""
        if not self.is_valid():
            return None
        given = self.cleaned_data
        columns = {
            target: self.names[int(given[f"column-{target}"])]
            for target in TARGETS[self.of_kind]
            if given[f"column-{target}"]
        }
        constants = {target: value for target in CONSTANTS[self.of_kind] if (value := given[f"constant-{target}"])}
        account = self.accounts.get(constants.get("account_ref", ""))
        if account and not {"currency"} & {*columns, *constants}:
            constants["currency"] = account.currency
        said = ColumnMapping(self.of_kind, columns, constants, given["decimal"], given["dates"])
        for target in missing(said):
            self.add_error(f"column-{target}", _("Choose a column, or say what all rows have."))
        if self.errors:
            return None
        try:
            return mapping_of(said.to_json())
        except BadMapping as error:
            self.add_error(None, error.message)
        return None


def _initial(first: ColumnMapping, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": first.kind, "decimal": first.decimal, "dates": first.dates}
    found |= {f"column-{target}": str(names.index(name)) for target, name in first.columns.items() if name in names}
    return found | {f"constant-{target}": value for target, value in first.constants.items()}


def _accounts(user: User) -> Mapping[str, Account]:
    """The accounts that the person may book into, by what names them in a file."""
    mine = Account.objects.editable_by(user).exclude(iban="").exclude(kind=AccountKind.DEPOSIT)
    return {account.iban: account for account in mine.order_by("name", "pk")}
