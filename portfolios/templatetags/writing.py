"""What scripts need to write like the server does, and moments as the reader's country writes them."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format, get_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def writing() -> SafeString:
    """Attributes of <html>: the marks of numbers, and the time zone of the page's clock."""
    return format_html(
        ' data-decimal="{}" data-group="{}" data-percent="{}" data-time-zone="{}"',
        get_format("DECIMAL_SEPARATOR"),
        get_format("THOUSAND_SEPARATOR"),
        get_format("PERCENT_SIGN"),
        timezone.get_current_timezone_name(),
    )


@register.filter(expects_localtime=True)
def moment(at: datetime | None, clock: str = "") -> str:
    """Day, time and zone; ``clock`` is another form of the time, such as one with seconds."""
    if at is None:
        return ""
    written = date_format(at, "SHORT_DATETIME_FORMAT")
    if clock:
        written = f"{date_format(at, 'SHORT_DATE_FORMAT')}, {date_format(at, clock)}"
    return f"{written} {date_format(at, 'T')}"
