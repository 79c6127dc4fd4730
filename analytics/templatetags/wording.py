"""Texts of pure code and of stored records, in the reader's language."""

from __future__ import annotations

from django import template

from analytics.wording import factor_worded, reason_worded, worded

register = template.Library()
register.filter("worded", worded)
register.filter("factor_worded", factor_worded)
register.filter("reason_worded", reason_worded)
