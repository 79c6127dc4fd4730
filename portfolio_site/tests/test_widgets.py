"""Widgets as markup: nothing but time and blank lines tell them from what Django's templates write."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django import forms
from django.contrib.admin.widgets import AdminDateWidget
from django.forms.renderers import DjangoTemplates, get_default_renderer
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override

from core.testing import make_user
from portfolio_site.widgets import WidgetRenderer

NASTY = "\"><script>&'x"
CHOICES = [
    ("", "Any"),
    (1, 1234567),
    ("a&b", NASTY),
    (None, gettext_lazy("Show")),
    ("Cash & more", [("eur", "Euro"), ("usd", mark_safe("<b>Dollar</b>"))]),
]
FULL = {"class": "form-control", "required": True, "disabled": False, "data-x": NASTY, "maxlength": 1234, "id": "f-1"}
WIDGETS = [
    forms.TextInput(),
    forms.TextInput(attrs=FULL),
    forms.NumberInput(attrs={"step": "any"}),
    forms.EmailInput(),
    forms.URLInput(),
    forms.PasswordInput(render_value=True),
    forms.HiddenInput(),
    forms.DateInput(attrs={"type": "date"}),
    forms.CheckboxInput(attrs={"class": mark_safe("a&amp;b")}),
    forms.Textarea(attrs=FULL),
    forms.Select(choices=CHOICES, attrs=FULL),
    forms.SelectMultiple(choices=CHOICES),
    forms.NullBooleanSelect(),
    forms.RadioSelect(choices=CHOICES[:3]),
    forms.ClearableFileInput(),
    forms.SplitDateTimeWidget(),
    AdminDateWidget(),
]
VALUES: list[Any] = [None, "", "usd", NASTY, 1, 1234.5, True, False, date(2024, 1, 31), mark_safe("a&amp;b")]


def test_every_form_is_written_with_it() -> None:
    assert isinstance(get_default_renderer(), WidgetRenderer)


@pytest.mark.parametrize("language", ["en", "de-ch"])
@pytest.mark.parametrize("widget", WIDGETS, ids=lambda widget: type(widget).__name__)
def test_a_widget_looks_as_its_template_says(widget: forms.Widget, language: str) -> None:
    if isinstance(widget, forms.SplitDateTimeWidget):
        values: list[Any] = [None, ["2024-01-31", "12:00"]]
    else:
        values = [[each] for each in VALUES] if isinstance(widget, forms.SelectMultiple) else VALUES
    with override(language):
        for value in values:
            ours = widget.render(f"name-{NASTY}", value, {"id": "x"}, WidgetRenderer())
            theirs = widget.render(f"name-{NASTY}", value, {"id": "x"}, DjangoTemplates())
            assert _tight(ours) == _tight(theirs)


def test_options_with_a_template_of_their_own_are_left_to_it() -> None:
    class Plain(forms.Select):
        option_template_name = "django/forms/widgets/radio_option.html"

    widget = Plain(choices=CHOICES[:3])
    assert widget.render("x", "1", None, WidgetRenderer()) == widget.render("x", "1", None, DjangoTemplates())


def _tight(markup: str) -> str:
    return re.sub(r">\s+<", "><", markup)


@pytest.mark.django_db
def test_a_page_is_compressed_for_who_takes_it_so(client: Any) -> None:
    client.force_login(make_user("alice"))
    plain, packed = (client.get("/settings/", headers={"accept-encoding": ways}) for ways in ("identity", "gzip"))
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert len(packed.content) < len(plain.content) / 2
