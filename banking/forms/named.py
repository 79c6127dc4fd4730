"""The forms of categories, counterparties and tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from banking.forms.fields import CONTROL, SELECT, HolderForm, text_input
from banking.forms.filters import Filter, text_field
from banking.models import Category, Counterparty, Section, Tag

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

TOP = _("Directly below its section")


def parent_choices(categories: Iterable[Category]) -> list[tuple[str, _StrOrPromise]]:
    sections = dict(Section.choices)
    return [("", TOP), *((str(row.pk), f"{sections[row.section]}: {row.label}") for row in categories)]


class NewCategoryForm(HolderForm):
    section = forms.ChoiceField(
        label=pgettext_lazy("cash", "Section"),
        choices=Section.choices,
        initial=Section.EXPENSE,
        widget=forms.Select(SELECT),
    )
    parent = forms.ChoiceField(label=_("Below"), required=False, widget=forms.Select(SELECT))
    name = text_input(_("Name"), 60)

    def __init__(self, *args: Any, rows: Iterable[Category], **options: Any) -> None:
        super().__init__(*args, **options)
        self.known = {str(row.pk): row for row in rows}
        self.fields["parent"].choices = parent_choices(self.known.values())  # type: ignore[attr-defined]

    def terms(self) -> dict[str, Any]:
        given = super().terms()
        return given | {"parent": self.known.get(given["parent"])}


class NewCounterpartyForm(HolderForm):
    name = text_input(_("Name"), 140)
    iban = text_input(_("IBAN or handle"), 60, required=False)

    def __init__(self, *args: Any, rows: Iterable[Any], **options: Any) -> None:
        super().__init__(*args, **options)


class NewTagForm(HolderForm):
    name = text_input(_("Name"), 40)

    def __init__(self, *args: Any, rows: Iterable[Any], **options: Any) -> None:
        super().__init__(*args, **options)


class RowForm(forms.Form):
    """What is changed of one row."""

    use_required_attribute = False

    def __init__(self, *args: Any, row: Any, rows: Iterable[Any], **options: Any) -> None:
        first = {name: getattr(row, name, "") for name in self.base_fields}
        super().__init__(*args, **{"label_suffix": "", "initial": first} | options)

    def changes(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class CategoryForm(RowForm):
    name = text_input(_("Name"), 60)
    parent = forms.ChoiceField(label=_("Below"), required=False, widget=forms.Select(SELECT))

    def __init__(self, *args: Any, row: Category, rows: Iterable[Category], **options: Any) -> None:
        super().__init__(*args, row=row, rows=rows, **options)
        self.initial["parent"] = str(row.parent_id or "")
        self.known = {str(each.pk): each for each in rows if each.section == row.section and each.pk != row.pk}
        self.fields["parent"].choices = parent_choices(self.known.values())  # type: ignore[attr-defined]

    def changes(self) -> dict[str, Any]:
        return {"name": self.cleaned_data["name"], "parent": self.known.get(self.cleaned_data["parent"])}


class CounterpartyForm(RowForm):
    name = text_input(_("Name"), 140)
    iban = text_input(_("IBAN or handle"), 60, required=False)


class TagForm(RowForm):
    name = text_input(_("Name"), 40)


class MergeForm(forms.Form):
    """Which one takes its place. The choice is by name: there may be thousands."""

    use_required_attribute = False
    into = forms.CharField(
        label=pgettext_lazy("merge", "Into"), max_length=140, widget=forms.TextInput(CONTROL | {"list": "merge-names"})
    )

    def __init__(self, *args: Any, others: Iterable[Any], **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | options)
        self.others: dict[str, Any] = {}
        for row in others:
            self.others.setdefault(_label(row), row)

    def clean_into(self) -> Category | Counterparty | Tag:
        found = self.others.get(self.cleaned_data["into"])
        if found is None:
            raise forms.ValidationError(_("There is no such one."))
        return found


def _label(row: Any) -> str:
    """Names of counterparties are told apart by what is behind them."""
    iban = getattr(row, "iban", "")
    return f"{row.name} ({iban})" if iban else str(row.label)


class NameFilter(Filter):
    """``?q=``"""

    q = text_field(_("Name"))
