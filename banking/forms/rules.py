"""What is typed on the page of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from banking.forms.entry import AmountField, TagsField
from banking.forms.holders import HolderField
from banking.forms.transactions import BookedDayField
from banking.models import Account, Rule, Section
from core.api import plain
from core.web import typable
from users.models import User

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

CONDITIONS = ("words", "section", "least", "most", "account", "counterparty", "iban", "signed")
AS_THEY_ARE = ("words", "section", "iban", "name", "active", "signed")
LIMITS = ("least", "most")
WORDS = {"class": "form-control", "autocomplete": "off"}


def _text(label: _StrOrPromise, most: int, *, choices: str = "", hint: _StrOrPromise = "") -> forms.CharField:
    shown: dict[str, Any] = WORDS | ({"list": choices} if choices else {}) | ({"placeholder": hint} if hint else {})
    return forms.CharField(label=label, max_length=most, required=False, widget=forms.TextInput(attrs=shown))


def _select(label: _StrOrPromise, choices: Iterable[tuple[str, _StrOrPromise]]) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, choices=list(choices), required=False, widget=widget)


def _tick(label: _StrOrPromise) -> forms.BooleanField:
    return forms.BooleanField(
        label=label, required=False, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
    )


class RuleForm(forms.Form):
    """Conditions, and what rows become for which all of them hold."""

    words = _text(_("Text holds any of"), 500, hint=_("rewe, edeka"))
    least = AmountField(label=_("Amount from"), required=False)
    most = AmountField(label=_("Amount to"), required=False)
    signed = _tick(_("Limits have a sign: expenses are below 0"))
    section = _select(pgettext_lazy("cash", "Section"), [("", _("Any")), *Section.choices])
    account = _select(_("Account"), [])
    counterparty = _text(_("Counterparty is"), 140, choices="cash-counterparties")
    iban = _text(_("Counterparty's IBAN"), 50)
    category = _text(_("Category"), 60, choices="cash-categories")
    set_counterparty = _text(_("Counterparty, where there is none"), 140, choices="cash-counterparties")
    tags = TagsField(
        label=_("Tags"), max_length=900, required=False, widget=forms.TextInput(attrs=WORDS | {"list": "cash-tags"})
    )
    name = _text(_("Name of the rule"), 100)
    active = _tick(_("New rows get it"))
    holder = HolderField()
    since = BookedDayField(label=_("Try it on rows since"))
    use_required_attribute = False

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        reader: User,
        accounts: Iterable[Account],
        rule: Rule | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            data,
            initial=(typed(rule) if rule else {"active": True}) | (initial or {}),
            auto_id="rule-%s",
            label_suffix="",
        )
        self.accounts = {str(each.pk): each for each in accounts}
        self.fields["account"].choices = [("", _("Any")), *((pk, str(each)) for pk, each in self.accounts.items())]  # type: ignore[attr-defined]
        if rule:
            del self.fields["holder"]  # a rule stays with its owner
        else:
            self.fields["holder"].offer(reader)  # type: ignore[attr-defined]

    @property
    def conditions(self) -> list[forms.BoundField]:
        return [
            self[name] for name in ("words", "section", "least", "most", "account", "counterparty", "iban", "signed")
        ]

    @property
    def actions(self) -> list[forms.BoundField]:
        return [self[name] for name in ("category", "set_counterparty", "tags")]

    @property
    def about(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "holder", "active") if name in self.fields]

    def terms(self) -> dict[str, Any]:
        """The checked values of a rule, with names where there are names and None where there is none."""
        given = {name: value for name, value in self.cleaned_data.items() if name not in ("holder", "since")}
        given["account"] = self.accounts.get(given["account"])
        return given | {name: given[name] or None for name in ("category", "counterparty", "set_counterparty")}


def typed(rule: Rule) -> dict[str, Any]:
    """The rule as its form shows it."""
    shown: dict[str, Any] = {
        name: getattr(rule, name) for name in ("words", "section", "iban", "name", "active", "signed")
    }
    limits = {name: getattr(rule, name) for name in LIMITS}
    names = {name: getattr(rule, name) for name in ("category", "counterparty", "set_counterparty")}
    return (
        shown
        | {name: "" if value is None else typable(plain(value)) for name, value in limits.items()}
        | {name: found.label if found else "" for name, found in names.items()}
        | {"account": rule.account_id or "", "tags": ", ".join(tag.name for tag in rule.tags.all())}
    )
