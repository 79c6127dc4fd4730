"""What the optimiser's form needs to be written."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def part(written: Mapping[str, str], name: str) -> str:
    """What was written into the input ``name`` of a row."""
    return written.get(name, "")
