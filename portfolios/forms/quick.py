"""The row at the top of the list of transactions: a purchase, a sale, or cash of one of the portfolio's accounts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assets.forms.fields import AssetField
from banking.forms.fields import DateField, PlainDecimalField
from banking.models import Account, Section
from banking.services.batches import NewCash
from core.errors import DomainError
from portfolios.forms.rows import first_values
from portfolios.forms.trade import once_key
from portfolios.models import Portfolio, TradeKind
from portfolios.services.terms import NewTrade, exchange_day
from users.models import User

ZERO = Decimal(0)
TRADES = [("buy", _("Buy")), ("sell", _("Sell"))]
CASH = [
    ("deposit", _("Deposit")),
    ("withdrawal", _("Withdrawal")),
    ("income", _("Income")),
    ("expense", _("Expense")),
]
SECTIONS = {
    "deposit": (Section.TRANSFER, 1),
    "withdrawal": (Section.TRANSFER, -1),
    "income": (Section.INCOME, 1),
    "expense": (Section.EXPENSE, -1),
}
OF_TRADE = ("asset", "quantity", "price", "fee")
OF_CASH = ("amount", "account", "description")
NOT_SAID = {"csrfmiddlewaretoken", "action", "back"}
FIELD_OF = {"traded_at": "day", "booked_on": "day", "currency": "price"}  # where what the services name stands here
NOON = time(12)


class QuickForm(forms.Form):
    """One row; what is not of its kind is not read."""

    use_required_attribute = False
    kind = forms.ChoiceField(label=_("Kind"))
    day = DateField(label=_("Day"))
    asset = AssetField(label=_("Security"), required=False)
    quantity = PlainDecimalField(label=_("Quantity"), required=False)
    price = PlainDecimalField(label=_("Price of a unit"), required=False)
    fee = PlainDecimalField(label=_("Fee"), required=False)
    amount = PlainDecimalField(label=_("Amount"), required=False)
    account = forms.ChoiceField(label=_("Account"), required=False)
    description = forms.CharField(label=_("Description"), max_length=255, required=False)
    key = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        user: User,
        portfolio: Portfolio,
        accounts: Sequence[Account],
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self.portfolio, self.accounts = portfolio, {str(account.pk): account for account in accounts}
        self.today = timezone.now().astimezone(user.zone).date()
        first = {"kind": "buy", "day": self.today, "key": uuid.uuid4()} | dict(initial or {})
        super().__init__(data, initial=first, auto_id="quick-%s", label_suffix="")
        self.sent = first_values(data)
        fields: dict[str, Any] = self.fields
        fields["kind"].choices = [*TRADES, *(CASH if accounts else [])]
        fields["account"].choices = [(pk, str(account)) for pk, account in self.accounts.items()]
        fields["asset"].user = user
        for name, known in self.fields.items():
            css = "form-select" if isinstance(known, forms.ChoiceField) else "form-control"
            known.widget.attrs |= {"class": css, "aria-describedby": f"error-quick-{name}"}
        fields["asset"].widget.attrs |= {"list": "quick-assets", "autocomplete": "off", "spellcheck": "false"}

    @property
    def trades(self) -> bool:
        """Whether it is a trade that is written."""
        return str(self.sent.get("kind", self.initial["kind"])) not in SECTIONS

    def full_clean(self) -> None:
        """What is of the other kind is left as it is: nobody sees it."""
        kept = self.fields
        if self.is_bound:
            unread = OF_CASH if self.trades else OF_TRADE
            self.fields = {name: known for name, known in kept.items() if name not in unread}
        super().full_clean()
        self.fields = kept

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        needed = ("asset", "quantity", "price") if self.trades else ("amount", "account")
        for name in needed:
            if not found.get(name) and name not in self.errors:
                wrong = _("More than 0.") if found.get(name) is not None and name == "amount" else _("This is needed.")
                self.add_error(name, forms.ValidationError(wrong, code="required"))
        if found.get("amount") is not None and found["amount"] < ZERO:
            self.add_error("amount", _("Write it without a sign: the kind says which way it goes."))
        return found

    def trade(self) -> NewTrade:
        """What a valid form books: today is now, whatever day it is at the exchange; another day is its noon there."""
        given = self.cleaned_data
        asset = given["asset"]
        zone = ZoneInfo(asset.exchange.time_zone) if asset.exchange else UTC
        moment, now = datetime.combine(given["day"], NOON, zone).astimezone(UTC), timezone.now()
        if given["day"] == self.today or (moment > now and exchange_day(asset, now) == given["day"]):
            moment = now
        terms = NewTrade(
            asset=asset,
            kind=TradeKind(given["kind"]),
            quantity=given["quantity"],
            traded_at=moment,
            price=given["price"],
            fee=given["fee"] or ZERO,
        )
        return replace(terms, currency=terms.price_currency)

    def cash(self) -> NewCash:
        given = self.cleaned_data
        section, sign = SECTIONS[given["kind"]]
        account = self.accounts[given["account"]]
        return NewCash(account, sign * given["amount"], given["day"], section, given["description"])

    @property
    def once_key(self) -> str:
        """The same for what is sent twice from one page."""
        said = [pair for pair in self.sent.items() if pair[0] not in NOT_SAID]
        return once_key(self.cleaned_data.get("key"), said)

    def refuse(self, error: DomainError) -> None:
        """Put what the books refuse beside the input that it is about."""
        name = FIELD_OF.get(error.field, error.field)
        self.add_error(name if name in self.fields else None, forms.ValidationError(error.message, code=error.code))

    def said(self) -> Iterator[tuple[str, list[str]]]:
        """Every input's name with what is wrong with it; what is still missing is no mistake yet."""
        found = self.errors.as_data()
        unseen = {"key"} if self.accounts else {"key", *OF_CASH}
        for name in self.fields.keys() - unseen:
            wrong = [error for error in found.get(name, []) if error.code != "required"]
            yield f"quick-{name}", [message for error in wrong for message in error.messages]
        yield "quick-general", [str(message) for message in self.non_field_errors()]

    @property
    def missing(self) -> list[str]:
        found = self.errors.as_data()
        return [
            str(self[name].label)
            for name in self.fields
            if any(error.code == "required" for error in found.get(name, []))
        ]


def first_quick(said: str) -> dict[str, Any]:
    """What the row begins with after one was booked: the same kind and day, ``buy_2024-05-31``."""
    kind, _sep, day = said.partition("_")
    found: dict[str, Any] = {"kind": kind} if kind in dict([*TRADES, *CASH]) else {}
    try:
        return found | {"day": date.fromisoformat(day)} if found else {}
    except ValueError:
        return {}
