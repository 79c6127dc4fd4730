"""The form with which money is paid or moved: now, later, or again and again."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from banking.models import Account, Category, OnWeekend, Section
from banking.models.account import AccountQuerySet
from banking.models.schedule import MOST_INTERVAL, MOST_TIMES
from banking.recurrence import Unit
from banking.services.payments import Payment, check_day
from banking.services.schedules import ScheduleTerms
from core.api import ISO_DATE, PLAIN_DECIMAL
from core.errors import DomainError
from core.web import plain_number, two_numbers
from users.models import User

SELECT, INPUT = {"class": "form-select"}, {"class": "form-control", "autocomplete": "off"}
ONCE = ""
REPEATS = [
    (ONCE, _("Just once")),
    (Unit.WEEK, _("Every week")),
    (Unit.MONTH, _("Every month")),
    (Unit.YEAR, _("Every year")),
]


class AmountField(forms.Field):
    """A number, exactly as written, in plain digits or as the person's language writes it; None when left out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.TextInput(INPUT | {"inputmode": "decimal", "maxlength": 64}), **options)

    def to_python(self, value: Any) -> Decimal | None:
        written = str(value or "").strip()
        text = plain_number(written)
        if written and not text:
            raise ValidationError(two_numbers(written), code="ambiguous")
        if written and not PLAIN_DECIMAL.fullmatch(text):
            raise ValidationError(_("Write a plain number, such as 12.50: digits, at most one point."), code="invalid")
        return Decimal(text) if written else None


class PlainDayField(forms.DateField):
    """YYYY-MM-DD, as a date input sends it."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput({"type": "date", "class": "form-control"}, format="%Y-%m-%d")
        super().__init__(widget=widget, input_formats=["%Y-%m-%d"], **options)

    def to_python(self, value: Any) -> date | None:
        if value and not isinstance(value, date) and not ISO_DATE.fullmatch(str(value)):
            raise ValidationError(_("Write a day, such as 2024-05-31."), code="invalid")
        day: date | None = super().to_python(value)
        return day


class AccountChoice(forms.ModelChoiceField):
    """Accounts with their currency, and the organisation that one belongs to."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.currency}){f', {obj.organisation}' if obj.organisation else ''}"


class PaymentForm(forms.Form):
    """``accounts`` are those that the person may book into; their owners are loaded with them."""

    source = AccountChoice(queryset=Account.objects.none(), label=_("From"), widget=forms.Select(SELECT))
    target = AccountChoice(
        queryset=Account.objects.none(),
        label=pgettext_lazy("account", "To"),
        required=False,
        empty_label=_("Somebody else"),
        widget=forms.Select(SELECT),
    )
    name = forms.CharField(
        label=_("Their name"),
        max_length=140,
        required=False,
        widget=forms.TextInput(INPUT),
        help_text=_("As you know whom you pay."),
    )
    target_iban = forms.CharField(
        label=_("Their IBAN or alias"),
        max_length=64,
        required=False,
        widget=forms.TextInput(INPUT | {"spellcheck": "false"}),
        help_text=_("Where an account of this server receives under it, the money arrives at once."),
    )
    amount = AmountField(label=_("Amount"), help_text=_("In the currency of the account that pays."))
    received = AmountField(
        label=_("Amount that arrives"), required=False, help_text=_("For an account in another currency.")
    )
    rate = AmountField(
        label=_("Exchange rate"), required=False, help_text=_("Instead: their currency for one of yours.")
    )
    booked_on = PlainDayField(label=_("Day"), help_text=_("A day to come makes it a scheduled payment."))
    category = forms.ModelChoiceField(
        label=_("Category"),
        queryset=Category.objects.none(),
        required=False,
        empty_label=pgettext_lazy("category", "None"),
        widget=forms.Select(SELECT),
        help_text="",
    )
    note = forms.CharField(label=_("Note"), max_length=255, required=False, widget=forms.TextInput(INPUT))
    repeats = forms.ChoiceField(label=_("Repeats"), choices=REPEATS, required=False, widget=forms.Select(SELECT))
    interval = forms.IntegerField(
        label=_("Every how many"),
        min_value=1,
        max_value=MOST_INTERVAL,
        required=False,
        widget=forms.NumberInput(INPUT),
        help_text=_("2 with “every week” is every second week. 1 if empty."),
    )
    until = PlainDayField(label=_("Last day"), required=False, help_text=_("For ever if empty."))
    count = forms.IntegerField(
        label=_("Times"),
        min_value=1,
        max_value=MOST_TIMES,
        required=False,
        widget=forms.NumberInput(INPUT),
        help_text=_("How often in all."),
    )
    weekend = forms.ChoiceField(
        label=_("If it is a weekend"), choices=OnWeekend.choices, required=False, widget=forms.Select(SELECT)
    )
    key = forms.UUIDField(widget=forms.HiddenInput, required=False)
    use_required_attribute = False

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        user: User,
        accounts: AccountQuerySet,
        categories: Any,
        now: datetime,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            data,
            initial={
                "key": uuid.uuid4(),
                "booked_on": now.astimezone(user.zone).date(),
                **(initial or {}),
            },
        )
        self.user, self.now = user, now
        open_now = accounts.open_on(now.date())
        self._field("source").queryset = self._field("target").queryset = open_now
        self._field("category").queryset = categories
        labels = dict(Section.choices)
        named = [(row.pk, f"{labels[row.section]}: {row.label}") for row in categories.by_label()]
        self._field("category").choices = [("", self._field("category").empty_label), *named]

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("target") and (values.get("target_iban") or values.get("name")):
            self.add_error("target", _("Choose one of the accounts, or write whom you pay, not both."))
        if not self.scheduled and values.get("booked_on"):
            try:
                check_day(values["booked_on"], self.now)
            except DomainError as error:
                self.add_error("booked_on", error.message)
        return values

    @property
    def scheduled(self) -> bool:
        """Whether it is for a day to come, in the calendar of whose account pays, or repeats."""
        source, day = self.cleaned_data.get("source"), self.cleaned_data.get("booked_on")
        if self.cleaned_data.get("repeats"):
            return True
        return bool(source and day and day > self.today(source))

    def today(self, source: Account) -> date:
        return self.now.astimezone((source.owner or self.user).zone).date()

    def payment(self) -> Payment:
        """What is paid now, of a form that is valid."""
        given = self.cleaned_data
        return Payment(
            amount=given["amount"],
            booked_on=given["booked_on"],
            target=given["target"],
            iban=given["target_iban"],
            name=given["name"],
            received=given["received"],
            rate=given["rate"],
            description=given["note"],
            category=given["category"],
        )

    def terms(self) -> ScheduleTerms:
        """What is scheduled, of a form that is valid."""
        given = self.cleaned_data
        return ScheduleTerms(
            amount=given["amount"],
            first_on=given["booked_on"],
            target=given["target"],
            iban=given["target_iban"],
            name=given["name"],
            unit=given["repeats"] or Unit.ONCE,
            interval=given["interval"] or 1,
            until=given["until"],
            count=given["count"],
            weekend=given["weekend"],
            description=given["note"],
            category=given["category"],
        )

    @property
    def once_key(self) -> str:
        """The same for what is sent twice from one page. With a space, so that no Idempotency-Key is like it."""
        said = sorted((name, str(value)) for name, value in self.cleaned_data.items())
        digest = hashlib.sha256(repr(said).encode()).hexdigest()
        return f"payment {self.cleaned_data.get('key') or uuid.uuid4()} {digest}"

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        names = {"first_on": "booked_on", "counterparty": "name", "target_name": "name", "unit": "repeats"}
        names |= {"description": "note"}
        name = names.get(error.field, error.field)
        self.add_error(name if name in self.fields else None, error.message)
