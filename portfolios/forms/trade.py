"""The form of one trade: what the API takes, in the person's time zone, with the lots that it brings or picks."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.forms.fields import AssetField
from banking.forms.fields import PlainDecimalField
from banking.models import Account
from core.api import plain
from core.errors import DomainError
from core.web import typable
from portfolios.forms.fields import LocalInstantField
from portfolios.forms.rows import LotRow, Picks, first_values, lot_rows, rows_of, with_blanks
from portfolios.models import Portfolio, Trade, TradeKind
from portfolios.services.entry import stated_terms
from portfolios.services.terms import LONGEST_ID, TAKING, TRANSFERS, NewLot, NewTrade
from users.models import User

ZERO = Decimal(0)
UNSIGNED = {"csrfmiddlewaretoken", "action"}  # what does not make it another trade
MISSING = ("required", "price_required")
NOT_OF_TARGET = ("currency", "fee", "tax", "accrued", "exchange_rate", "account", "external_id")


class TradeForm(forms.Form):
    """One trade of ``portfolio``, or with ``original`` what takes its place."""

    kind = forms.ChoiceField(label=_("Kind"), choices=TradeKind.choices, widget=forms.RadioSelect)
    asset = AssetField(label=_("Security"))
    traded_at = LocalInstantField(label=_("Date and time"))
    quantity = PlainDecimalField(label=_("Quantity"))
    price = PlainDecimalField(label=_("Price of a unit"), required=False)
    currency = forms.CharField(label=_("Currency"), max_length=3, required=False)
    fee = PlainDecimalField(label=_("Fee"), required=False)
    tax = PlainDecimalField(label=_("Tax"), required=False)
    accrued = PlainDecimalField(label=_("Accrued interest"), required=False)
    exchange_rate = PlainDecimalField(label=_("Broker’s exchange rate"), required=False)
    account = forms.ModelChoiceField(
        Account.objects.none(), label=_("Account"), required=False, empty_label=_("By currency")
    )
    target = forms.ModelChoiceField(
        Portfolio.objects.none(), label=_("Into"), required=False, empty_label=_("Outside of my portfolios")
    )
    external_id = forms.CharField(label=_("Broker’s id"), max_length=LONGEST_ID, required=False)
    note = forms.CharField(label=_("Note"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}))
    key = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        user: User,
        portfolio: Portfolio,
        original: Trade | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self.portfolio, self.original, self.user = portfolio, original, user
        self.before = stated_terms(original) if original else None
        stated = _initial(self.before) if self.before else {}
        super().__init__(
            data, initial={"key": uuid.uuid4()} | stated | dict(initial or {}), use_required_attribute=False
        )
        self.sent = first_values(data)
        self._bind(user, original)
        self.lot_rows = lot_rows(self.sent) if self.is_bound else self._stated_rows()
        self.picks = Picks.of(self.sent) if self.is_bound else Picks.stating(self.before.picks if self.before else ())
        for name, known in self.fields.items():
            known.widget.attrs |= {"aria-describedby": f"hint-{name} error-{name}", "class": field_class(known)}

    def _bind(self, user: User, original: Trade | None) -> None:
        instant, asset = self.fields["traded_at"], self.fields["asset"]
        instant.zone, instant.unchanged = user.zone, original.traded_at if original else None  # type: ignore[attr-defined]
        asset.user = user  # type: ignore[attr-defined]
        links = self.portfolio.portfolio_accounts.values("account")
        own: Any = self.fields["account"]
        own.queryset = Account.objects.filter(pk__in=links)
        if not own.queryset.exists():
            del self.fields["account"]
        if original:
            del self.fields["target"]
            return
        others: Any = self.fields["target"]
        editable = Portfolio.objects.editable_by(user).exclude(pk=self.portfolio.pk)
        others.queryset = editable.belonging_with(self.portfolio)

    def _stated_rows(self) -> list[LotRow]:
        if self.before is None:
            return []
        same = self.before.asset.currency == self.portfolio.base_currency
        return rows_of(self.before.lots, same_currency=same)

    @property
    def rows_to_show(self) -> list[LotRow]:
        return with_blanks(self.lot_rows)

    @property
    def has_accrued(self) -> bool:
        """Whether the page that sent it has the field of a bond's interest."""
        return "accrued" in self.sent

    @property
    def taking(self) -> bool:
        return self.text("kind") in TAKING

    def text(self, name: str) -> str:
        """What is written in a field, or its first value."""
        value = self.sent.get(name, "") if self.is_bound else self.initial.get(name, "")
        return str(value)

    def known(self, name: str) -> Any:
        """The value of a single field if it is right, whatever the others say; None otherwise."""
        self.errors  # noqa: B018  cleans
        return self.cleaned_data.get(name) if self.is_bound else self.initial_value(name)

    def initial_value(self, name: str) -> Any:
        """The first value of a field, cleaned."""
        try:
            return self.fields[name].clean(self.fields[name].prepare_value(self.initial.get(name)))
        except forms.ValidationError:
            return None

    def clean_currency(self) -> str | None:
        return str(self.cleaned_data["currency"]).strip().upper() or None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("target"):
            self._check_target(cleaned)
        cleaned["lots"] = self._lots()
        cleaned["picks"] = tuple(self.picks.cleaned())
        if any(row.errors for row in self.lot_rows) or self.picks.errors:
            self.add_error(None, forms.ValidationError("", code="rows"))
        return cleaned

    def _check_target(self, cleaned: Mapping[str, Any]) -> None:
        if cleaned.get("kind") != TradeKind.TRANSFER_OUT:
            self.add_error("target", gettext("Only a transfer out has a target."))
        for name in NOT_OF_TARGET:
            if cleaned.get(name):
                self.add_error(name, gettext("A transfer between two portfolios has none."))

    def _lots(self) -> tuple[NewLot, ...]:
        rows = [row for row in self.lot_rows if not row.blank]
        values = [row.cleaned() for row in rows]
        return () if any(row.errors for row in rows) else tuple(NewLot(**value) for value in values)

    def terms(self) -> NewTrade:
        """What is to be booked, of a form that is valid."""
        given = self.cleaned_data
        terms = NewTrade(
            asset=given["asset"],
            kind=TradeKind(given["kind"]),
            quantity=given["quantity"],
            traded_at=given["traded_at"],
            price=given["price"],
            currency=given["currency"],
            fee=given["fee"] or ZERO,
            tax=given["tax"] or ZERO,
            accrued=given["accrued"],
            exchange_rate=given["exchange_rate"],
            account=given.get("account"),
            external_id=given["external_id"],
            note=given["note"],
            lots=given["lots"],
            picks=given["picks"],
        )
        return replace(terms, currency=terms.price_currency)

    @property
    def destination(self) -> Portfolio | None:
        found: Portfolio | None = self.cleaned_data.get("target")
        return found

    @property
    def once_key(self) -> str:
        """The same for what is sent twice from one page."""
        said = [pair for pair in self.sent.items() if pair[0] not in UNSIGNED]
        return once_key(self.cleaned_data.get("key"), said)

    def refuse(self, error: DomainError) -> None:
        """Put what the books refuse beside the input that it is about."""
        name, _, rest = error.field.partition(".")
        if name == "lots" and rest:
            self._refuse_row(error, rest)
        elif name in self.fields:
            self.add_error(name, forms.ValidationError(error.message, code=error.code))
        else:
            self.add_error(None, forms.ValidationError(error.message, code="lots" if name == "lots" else error.code))

    def _refuse_row(self, error: DomainError, rest: str) -> None:
        position, _, name = rest.partition(".")
        if self.cleaned_data.get("picks"):
            self.picks.errors.setdefault(self.picks.names[int(position)], []).append(error.message)
        else:
            row = [row for row in self.lot_rows if not row.blank][int(position)]
            row.errors.setdefault(name, []).append(error.message)
        self.add_error(None, forms.ValidationError("", code="rows"))

    def said(self) -> Iterator[tuple[str, list[str]]]:
        """Every input's name with what is wrong with it, nothing included, while the form is being written.

        What is still missing is no mistake yet; a field that the page does not have has no place for one.
        """
        found = self.errors.as_data()
        unseen = {"key"} if self.has_accrued else {"key", "accrued"}
        for name in self.fields.keys() - unseen:
            wrong = [error for error in found.get(name, []) if error.code not in MISSING]
            yield name, [message for error in wrong for message in error.messages]
        for row in self.lot_rows:
            for name in ("opened_on", "quantity", "cost", "cost_base"):
                yield row.name(name), [] if name in row.missing else row.errors.get(name, [])
        for name in self.picks.written:
            yield name, self.picks.errors.get(name, [])
        yield "lots", self.of_lots

    @property
    def of_lots(self) -> list[str]:
        """What is wrong with the lots as a whole."""
        return self._general("lots")

    @property
    def general(self) -> list[str]:
        """What is wrong with the trade as a whole."""
        return self._general(None)

    def _general(self, code: str | None) -> list[str]:
        found = self.errors.as_data().get("__all__", []) if self.is_bound else []
        wanted = [e for e in found if (e.code == "lots") == (code == "lots") and e.code != "rows"]
        return [message for error in wanted for message in error.messages]

    @property
    def missing(self) -> list[str]:
        """Labels of the fields that have to be filled in still; of a form that is being written."""
        found = self.errors.as_data()
        labels = [
            str(self[name].label) for name in self.fields if any(error.code in MISSING for error in found.get(name, []))
        ]
        return labels + ([gettext("the rest of a lot")] if any(row.missing for row in self.lot_rows) else [])


def once_key(key: uuid.UUID | None, said: Iterable[tuple[str, Any]]) -> str:
    """A page's ``key`` with what its form says. With a space, so that no Idempotency-Key is like it."""
    digest = hashlib.sha256(repr(sorted(said)).encode()).hexdigest()
    return f"form {key or uuid.uuid4()} {digest}"


def field_class(field: forms.Field) -> str:
    if isinstance(field.widget, forms.RadioSelect):
        return ""
    return "form-select" if isinstance(field.widget, forms.Select) else "form-control"


def _initial(terms: NewTrade) -> dict[str, Any]:
    moved = terms.kind in TRANSFERS
    return {
        "kind": terms.kind.value,
        "asset": terms.asset.symbol,
        "traded_at": terms.traded_at,
        "quantity": typable(plain(terms.quantity)),
        "price": "" if terms.price is None else typable(plain(terms.price)),
        "currency": "" if terms.price_currency == terms.asset.quote_currency else terms.price_currency,
        "fee": "" if moved else typable(plain(terms.fee)),
        "tax": "" if moved else typable(plain(terms.tax)),
        "accrued": "" if terms.accrued is None else typable(plain(terms.accrued)),
        "exchange_rate": "" if terms.exchange_rate is None else typable(plain(terms.exchange_rate)),
        "account": terms.account.pk if terms.account else None,
        "external_id": terms.external_id,
        "note": terms.note,
    }


def first_initial(user: User, kind: str, asset: str, now: datetime | None = None) -> dict[str, Any]:
    """What a new trade's form begins with: now, to the minute."""
    return {
        "kind": kind if kind in TradeKind.values else TradeKind.BUY.value,
        "asset": asset,
        "traded_at": (now or timezone.now()).replace(second=0, microsecond=0),
    }
