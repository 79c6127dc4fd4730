"""The form of a term deposit."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assets.bonds import DayCount
from banking.forms.fields import SELECT, AmountField, DateField, text_input
from banking.models import Account, TermDeposit
from banking.models.deposit import DEPOSIT_DAY_COUNTS
from banking.services.deposits import DepositTerms
from core.money import divide


class DepositForm(forms.Form):
    """What is lent, by which account, until when and for how much. The rate is in percent a year."""

    use_required_attribute = False
    name = text_input(_("Name"), 100)
    source = forms.ChoiceField(label=_("Paid from, and back to"), widget=forms.Select(SELECT))
    principal = AmountField(label=_("Principal"))
    percent = AmountField(label=_("Interest, % a year"))
    started_on = DateField(label=_("From"))
    matures_on = DateField(label=_("Until"))
    day_count = forms.ChoiceField(label=_("Day count"), choices=DEPOSIT_DAY_COUNTS, widget=forms.Select(SELECT))

    def __init__(self, *args: Any, accounts: Iterable[Account], **options: Any) -> None:
        first = {"started_on": timezone.now().date()}
        super().__init__(*args, **{"label_suffix": "", "initial": first} | options)
        self.accounts = {str(account.pk): account for account in accounts}
        names = [(pk, str(account)) for pk, account in self.accounts.items()]
        self.fields["source"].choices = names  # type: ignore[attr-defined]

    @property
    def source_account(self) -> Account:
        return self.accounts[self.cleaned_data["source"]]

    def terms(self) -> DepositTerms:
        given = self.cleaned_data
        return DepositTerms(
            principal=given["principal"],
            rate=divide(given["percent"], Decimal(100)),
            started_on=given["started_on"],
            matures_on=given["matures_on"],
            day_count=DayCount(given["day_count"]),
        )


def preview(form: DepositForm) -> TermDeposit:
    """The deposit as it would be, not stored."""
    terms = form.terms()
    return TermDeposit(
        account=Account(currency=form.source_account.currency),
        principal=terms.principal,
        rate=terms.rate,
        started_on=terms.started_on,
        matures_on=terms.matures_on,
        day_count=terms.day_count,
    )
