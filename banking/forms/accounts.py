"""The forms of accounts and of statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from banking.forms.fields import SELECT, AmountField, DateField, HolderForm, text_input
from banking.models import Account, AccountKind
from banking.services.accounts import kinds_like
from core.money import MINOR_UNITS
from users.models import Organisation, Role, User

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

KINDS = [choice for choice in AccountKind.choices if choice[0] != AccountKind.DEPOSIT]
RECEIVES = _("Others of this server may pay into it by its IBAN or alias, without seeing it")


def _check(label: _StrOrPromise) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=forms.CheckboxInput({"class": "form-check-input"}))


def _employer(user: User, known: Organisation | None = None) -> list[tuple[str, str]]:
    """Whoever they belong to, and ``known``, which they may have left."""
    found = {str(each.pk): each.name for each in Organisation.objects.visible_to(user)}
    return [("", gettext("Nobody’s")), *(found | ({str(known.pk): known.name} if known else {})).items()]


class NewAccountForm(HolderForm):
    """What an account begins with."""

    role = Role.MANAGER
    name = text_input(_("Name"), 100)
    kind = forms.ChoiceField(label=_("Kind"), choices=KINDS, widget=forms.Select(SELECT))
    currency = forms.ChoiceField(
        label=_("Currency"), choices=[(code, code) for code in sorted(MINOR_UNITS)], widget=forms.Select(SELECT)
    )
    iban = text_input(_("IBAN or alias"), 60, required=False)
    balance = AmountField(label=_("Balance on that day"), required=False)
    opened_on = DateField(label=_("Opened on"), required=False)
    employer = forms.ChoiceField(label=_("Whose money is spent"), required=False, widget=forms.Select(SELECT))
    receives = _check(RECEIVES)

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        first = {"currency": user.base_currency, "opened_on": timezone.now().date()}
        super().__init__(*args, user=user, **{"initial": first} | options)
        _fill_employer(self, user)

    def terms(self) -> dict[str, Any]:
        given = super().terms()
        return given | {"balance": given["balance"] or 0, "employer": _chosen_employer(self, self.user)}


class AccountForm(forms.Form):
    """What of an account can be changed."""

    use_required_attribute = False
    name = text_input(_("Name"), 100)
    kind = forms.ChoiceField(label=_("Kind"), widget=forms.Select(SELECT))
    iban = text_input(_("IBAN or alias"), 60, required=False)
    employer = forms.ChoiceField(label=_("Whose money is spent"), required=False, widget=forms.Select(SELECT))
    receives = _check(RECEIVES)

    def __init__(self, *args: Any, account: Account, user: User, **options: Any) -> None:
        first = {name: getattr(account, name) for name in ("name", "kind", "iban", "receives")}
        first["employer"] = str(account.employer_id or "")
        super().__init__(*args, **{"label_suffix": "", "initial": first} | options)
        self.user, self.known = user, account.employer
        kinds = kinds_like(account.kind)
        if len(kinds) > 1:
            self.fields["kind"].choices = [(kind, AccountKind(kind).label) for kind in kinds]  # type: ignore[attr-defined]
        else:
            del self.fields["kind"]
        if AccountKind.EXPENSE in kinds and account.owner_id:
            _fill_employer(self, user, self.known)
        else:
            del self.fields["employer"]

    def changes(self) -> dict[str, Any]:
        """Whose money was spent so far is left out where the account is one of expenses no more."""
        given = dict(self.cleaned_data)
        left = given.get("kind") != AccountKind.EXPENSE and given.get("employer") == str(getattr(self.known, "pk", ""))
        if left:
            given.pop("employer", None)
        return given | {"employer": _chosen_employer(self, self.user, self.known)} if "employer" in given else given


def _fill_employer(form: forms.Form, user: User, known: Organisation | None = None) -> None:
    choices = _employer(user, known)
    if len(choices) > 1:
        form.fields["employer"].choices = choices  # type: ignore[attr-defined]
    else:
        del form.fields["employer"]


def _chosen_employer(form: forms.Form, user: User, known: Organisation | None = None) -> Organisation | None:
    pk = form.cleaned_data.get("employer")
    if known and pk == str(known.pk):
        return known
    return Organisation.objects.visible_to(user).filter(pk=pk).first() if pk else None


class ClosingForm(forms.Form):
    use_required_attribute = False
    closed_on = DateField(label=_("Closed from"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", "initial": {"closed_on": timezone.now().date()}} | options)


class AssertionForm(forms.Form):
    """What a statement says."""

    use_required_attribute = False
    day = DateField(label=_("At the close of"))
    balance = AmountField(label=_("Balance on the statement"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | options)
