"""What is typed on the pages of cash rows: a new one, a changed one, what many are, and the parts of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from banking.forms.filters import DayField
from banking.models import Account, Section
from core.api import PLAIN_DECIMAL
from core.web import plain_number, two_numbers

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

LONGEST_KEY = 64
MOST_TAGS = 20
MOST_PARTS = 50
MOST_IDS = 1000
PART = re.compile(r"part-([0-9]{1,3})-amount")


class AmountField(forms.Field):
    """An amount, with a sign or without."""

    def __init__(self, **options: Any) -> None:
        shown = {"class": "form-control", "inputmode": "text", "autocomplete": "off", "placeholder": "12.50"}
        super().__init__(widget=forms.TextInput(attrs=shown), **options)

    def to_python(self, value: Any) -> Decimal | None:
        written = (value or "").strip()
        if not written:
            return None
        text = plain_number(written)
        if not text:
            raise forms.ValidationError(two_numbers(written), code="ambiguous")
        if not PLAIN_DECIMAL.fullmatch(text.removeprefix("+")) or text.startswith("+-"):
            raise forms.ValidationError(_("Write an amount, such as 12.50 or -12.50."))
        self.signed = text[0] in "+-"
        return Decimal(text.removeprefix("+"))


class TagsField(forms.CharField):
    """Words between commas."""

    def clean(self, value: Any) -> Any:
        names = [name.strip() for name in super().clean(value).split(",") if name.strip()]
        if len(names) > MOST_TAGS:
            raise forms.ValidationError(_("A row has at most %(most)s tags.") % {"most": MOST_TAGS})
        return names


def _words(label: _StrOrPromise, most: int, *, choices: str = "", required: bool = False) -> forms.CharField:
    shown = {"class": "form-control", "autocomplete": "off"} | ({"list": choices} if choices else {})
    return forms.CharField(label=label, max_length=most, required=required, widget=forms.TextInput(attrs=shown))


class EntryDayField(DayField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.required = True

    def clean(self, value: Any) -> Any:
        return forms.DateField.clean(self, value)


class ClassForm(forms.Form):
    """Whatever names a category, a counterparty and tags."""

    category = _words(_("Category"), 60, choices="cash-categories")
    counterparty = _words(_("Counterparty"), 140, choices="cash-counterparties")
    tags = TagsField(
        label=_("Tags"),
        max_length=900,
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off", "list": "cash-tags"}),
    )
    use_required_attribute = False

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, ids: str, initial: dict[str, Any] | None = None
    ) -> None:
        """``ids`` is what the ids of its inputs begin with."""
        super().__init__(data, initial=initial, auto_id=f"{ids}-%s", label_suffix="")


class CashForm(ClassForm):
    """One row. An amount without a sign takes that of its section: expenses go out."""

    account = forms.ChoiceField(label=_("Account"), widget=forms.Select(attrs={"class": "form-select"}))
    booked_on = EntryDayField(label=_("Day"))
    section = forms.ChoiceField(
        label=pgettext_lazy("cash", "Section"),
        choices=[(each.value, each.label) for each in (Section.EXPENSE, Section.INCOME, Section.TRANSFER)],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    amount = AmountField(label=_("Amount"))
    description = _words(_("Description"), 255)
    external_id = _words(_("External id"), 64)
    key = forms.CharField(max_length=LONGEST_KEY, required=False, widget=forms.HiddenInput)
    field_order: Sequence[str] = ("amount", "booked_on", "account", "section", "category", "counterparty")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        ids: str,
        accounts: Iterable[Account],
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, ids=ids, initial=initial)
        self.accounts = {str(each.pk): each for each in accounts}
        self.fields["account"].choices = [(pk, str(each)) for pk, each in self.accounts.items()]  # type: ignore[attr-defined]

    def terms(self) -> dict[str, Any]:
        """The checked values, but with names for category and counterparty, None where there is none."""
        given = dict(self.cleaned_data)
        given.pop("key")
        given["account"] = self.accounts[given["account"]]
        if given["section"] == Section.EXPENSE and not getattr(self.fields["amount"], "signed", False):
            given["amount"] = -given["amount"]
        return given | {name: given[name] or None for name in ("category", "counterparty")}


class BulkForm(ClassForm):
    """What the chosen rows become; what is left empty stays as it is."""

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value}


def chosen(values: Iterable[str]) -> list[int]:
    """The ids of the rows that were ticked; what is no id names no row."""
    ids = [int(value) for value in values if value.isascii() and value.isdigit() and len(value) <= 18]
    return ids[: MOST_IDS + 1]


def parts_of(post: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts that were typed, in their order, those without anything left out; a wrong amount is NaN."""
    found = []
    numbers = sorted(int(match[1]) for name in post if (match := PART.fullmatch(name)))
    for number in numbers[: MOST_PARTS + 1]:
        amount, category, note = (
            str(post.get(f"part-{number}-{name}", "")).replace("\x00", "").strip()
            for name in ("amount", "category", "note")
        )
        if amount or category:
            plain = amount.replace("−", "-").removeprefix("+")
            exact = Decimal(plain) if PLAIN_DECIMAL.fullmatch(plain) else Decimal("NaN")
            found.append({"amount": exact, "typed": amount, "category": category, "note": note})
    return found
