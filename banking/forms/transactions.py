"""What the list of cash rows is narrowed by, on its page and over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from banking.forms.filters import DayField, Filter, text_field
from banking.models import Account, Category, Counterparty, Origin, Section, Tag
from banking.queries.transactions import Wanted, below, named
from core.api import PLAIN_DECIMAL
from core.fields import MONEY_LIMIT
from users.models import User

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MOST_CHOICES = 500
OWN = "0"  # among the organisations: what is the reader's own
FLAGS = ("uncategorised", "voided")


class BookedDayField(DayField):
    """Any day: what is booked for days to come is in the list, too."""

    def clean(self, value: Any) -> date | None:
        day: date | None = forms.DateField.clean(self, value)
        return day


class SizeField(forms.Field):
    """An amount without its sign."""

    widget = forms.TextInput(attrs={"class": "form-control", "inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Decimal | None:
        text = (value or "").strip()
        if not text:
            return None
        if not PLAIN_DECIMAL.fullmatch(text) or not 0 <= Decimal(text) < MONEY_LIMIT:
            raise forms.ValidationError(_("Write an amount without a sign, such as 12.50."))
        return Decimal(text)


class IdField(forms.ChoiceField):
    """An id, with choices to pick it from. One that is not among them finds nothing, like one that does not exist."""

    widget = forms.Select(attrs={"class": "form-select"})

    def __init__(self, label: _StrOrPromise) -> None:
        super().__init__(label=label, required=False)

    def validate(self, value: Any) -> None:
        if value and not (value.isascii() and value.isdigit() and len(value) <= 18):
            raise forms.ValidationError(_("Write an id: a whole number."))

    def clean(self, value: Any) -> int | None:
        found = super().clean(value)
        return int(found) if found else None


def _flag(label: _StrOrPromise) -> forms.BooleanField:
    return forms.BooleanField(
        label=label, required=False, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
    )


def _choice(label: _StrOrPromise, choices: Sequence[tuple[str, _StrOrPromise]]) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, choices=[("", _("All")), *choices], required=False, widget=widget)


class TransactionFilter(Filter):
    """``?q=&account=&organisation=&section=&category=&uncategorised=&counterparty=&tag=&amount_min=&amount_max=``
    ``&start=&end=&origin=&voided=``
    """

    q = text_field(_("Description, counterparty or external id"))
    account = IdField(_("Account"))
    organisation = IdField(_("Whose"))
    section = _choice(pgettext_lazy("cash", "Section"), Section.choices)
    category = IdField(_("Category"))
    counterparty = IdField(_("Counterparty"))
    tag = IdField(_("Tag"))
    start = BookedDayField(label=_("From"))
    end = BookedDayField(label=_("To"))
    amount_min = SizeField(label=_("Amount from"), required=False)
    amount_max = SizeField(label=_("Amount to"), required=False)
    origin = _choice(_("Comes from"), Origin.choices)
    uncategorised = _flag(_("Without a category"))
    voided = _flag(_("With voided ones"))

    def __init__(self, query: Mapping[str, Any], reader: User, accounts: Sequence[Account]) -> None:
        self._reader, self.accounts = reader, accounts
        super().__init__(query)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        for first, last, said in (
            ("start", "end", _("This day lies before the first.")),
            ("amount_min", "amount_max", _("This is less than the smallest.")),
        ):
            low, high = found.get(first), found.get(last)
            if low is not None and high is not None and low > high:
                self.add_error(last, said)
        return found

    def offer(
        self, categories: Iterable[Category], counterparties: Iterable[Counterparty], tags: Iterable[Tag]
    ) -> None:
        """Give the fields what can be picked on the page."""
        firms = {each.organisation_id: str(each.organisation) for each in self.accounts if each.organisation_id}
        whose = [(OWN, _("My own")), *((str(pk), name) for pk, name in firms.items())]
        groups = [
            (label, [(str(each.pk), each.label) for each in categories if each.section == section])
            for section, label in Section.choices
        ]
        self._pick("account", [(str(each.pk), str(each)) for each in self.accounts])
        self._pick("organisation", whose)
        self._pick("category", groups)
        self._pick("counterparty", [(str(each.pk), each.name) for each in counterparties])
        self._pick("tag", [(str(each.pk), each.name) for each in tags])

    def _pick(self, name: str, choices: Sequence[Any]) -> None:
        self.fields[name].choices = [("", _("All")), *choices]  # type: ignore[attr-defined]

    def wanted(self, categories: Iterable[Category] | None = None, also: Sequence[int] = ()) -> Wanted:
        """What the list takes; a query for the tree of categories, unless it is given, and one for a text."""
        accounts = [each for each in self.accounts if self._fits(each)]
        return Wanted(
            accounts=tuple(each.pk for each in accounts),
            section=self.value("section") or "",
            categories=self._categories(categories),
            uncategorised=bool(self.value("uncategorised")),
            counterparty=self.value("counterparty"),
            tag=self.value("tag"),
            text=self.value("q") or "",
            counterparties_named=named(self.value("q") or "", _known_to(accounts)),
            least=self.value("amount_min"),
            most=self.value("amount_max"),
            start=self.value("start"),
            end=self.value("end"),
            origin=self.value("origin") or "",
            voided=bool(self.value("voided")),
            also=also,
        )

    def _fits(self, account: Account) -> bool:
        wanted, firm = self.value("account"), self.value("organisation")
        if wanted is not None and account.pk != wanted:
            return False
        if firm is None:
            return True
        if str(firm) != OWN:
            return account.organisation_id == firm
        return account.owner_id == self._reader.pk and account.employer_id is None  # as in one's net worth

    def _categories(self, known: Iterable[Category] | None) -> Sequence[int]:
        wanted = self.value("category")
        if wanted is None or self.value("uncategorised"):
            return ()
        every = Category.objects.visible_to(self._reader).only("parent", "section") if known is None else known
        return below(wanted, every)


def _known_to(accounts: Iterable[Account]) -> Any:
    """The counterparties of those that the accounts belong to."""
    people = {each.owner_id for each in accounts if each.owner_id}
    firms = {each.organisation_id for each in accounts if each.organisation_id}
    known = Counterparty.objects
    return known.filter(owner__in=people) | known.filter(organisation__in=firms)
