"""What scripts need to write like the server does."""

from __future__ import annotations

from django import template
from django.utils import timezone
from django.utils.formats import get_format
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
