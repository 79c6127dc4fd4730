"""How the widgets of forms become markup: what Django's templates write of them, without a template for each option.

A select of 400 time zones takes those templates 20 ms, and every field of a form about half of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.html import conditional_escape
from django.utils.safestring import SafeData

FOLDER = "django/forms/widgets/"
OPTION = f"{FOLDER}select_option.html"
INPUTS = ("text", "number", "email", "url", "password", "hidden", "search", "tel", "date", "datetime", "time")
Widget = Mapping[str, Any]


class WidgetRenderer(DjangoTemplates):
    """Inputs, text areas and selects are written here; what has a template of another name is left to the template."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        write = WRITERS.get(template_name)
        text = write(context["widget"]) if write else None
        return super().render(template_name, context, request) if text is None else text


def _input(widget: Widget) -> str:
    value = "" if widget["value"] is None else f' value="{_plain(widget["value"])}"'
    name, kind = conditional_escape(widget["name"]), conditional_escape(widget["type"])
    return f'<input type="{kind}" name="{name}"{value}{_attributes(widget)}>'


def _textarea(widget: Widget) -> str:
    value = _shown(widget["value"]) if widget["value"] else ""
    return f'<textarea name="{conditional_escape(widget["name"])}"{_attributes(widget)}>\n{value}</textarea>'


def _select(widget: Widget) -> str | None:
    parts = [f'<select name="{conditional_escape(widget["name"])}"{_attributes(widget)}>']
    for group, options, _ in widget["optgroups"]:
        if any(option["template_name"] != OPTION for option in options):
            return None
        parts += [f'\n  <optgroup label="{_shown(group)}">'] if group else []
        parts += [f"\n  {_option(option)}" for option in options]
        parts += ["\n  </optgroup>"] if group else []
    return "".join([*parts, "\n</select>"])


def _option(option: Widget) -> str:
    return f'<option value="{_plain(option["value"])}"{_attributes(option)}>{_shown(option["label"])}</option>'


def _attributes(widget: Widget) -> str:
    """True is the name alone, False is nothing."""
    given = ((name, value) for name, value in widget["attrs"].items() if value is not False)
    return "".join(f" {name}" if value is True else f' {name}="{_plain(value)}"' for name, value in given)


def _plain(value: Any) -> str:
    """As scripts and forms read it: not in the reader's way of writing numbers."""
    return str(value) if isinstance(value, SafeData) else str(conditional_escape(str(value)))


def _shown(value: Any) -> str:
    return str(conditional_escape(value if isinstance(value, str) else localize(value)))


WRITERS: dict[str, Callable[[Widget], str | None]] = {
    **{f"{FOLDER}{name}.html": _input for name in (*INPUTS, "checkbox", "input")},
    f"{FOLDER}textarea.html": _textarea,
    f"{FOLDER}select.html": _select,
}
