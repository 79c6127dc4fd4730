"""Refusals that were kept in English, in the reader's language."""

from __future__ import annotations

from django import template

from portfolios.retelling import retold

register = template.Library()
register.filter("retold", retold)
