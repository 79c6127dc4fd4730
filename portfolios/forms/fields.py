"""Instants in the person's time zone, as strict as the API's, and choices that forms share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.api import ISO_TIME
from portfolios.models import CashSetting

FIRST_YEAR, LAST_YEAR = 2, 9998  # a day at the calendar's edge has no neighbour, and none in some time zones
# Short, for selects: the sentences that tell them apart stand beside the input.
CASH_CHOICES = [(CashSetting.UNTRACKED, _("Not tracked")), (CashSetting.TRACKED, _("Tracked"))]


class LocalInstantField(forms.Field):
    """Date and time in ``zone``, as <input type="datetime-local"> sends them; an aware instant in UTC.

    A time that comes twice, when clocks are set back, is the first of the two, unless the text is unchanged.
    """

    default_error_messages = {
        "invalid": _("Write a date and a time, such as 2024-05-31 15:30."),
        "edge": _("Write a year from %(first)s to %(last)s."),
        "skipped": _("This time did not exist in %(zone)s: the clocks were set forward."),
    }
    zone: ZoneInfo = ZoneInfo("UTC")
    unchanged: datetime | None = None  # says what the text cannot: which of two equal times, and microseconds

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"type": "datetime-local", "step": "any", "max": f"{LAST_YEAR}-12-31T23:59"})
        super().__init__(**{"widget": widget} | kwargs)

    def to_python(self, value: Any) -> datetime | None:
        text = str(value or "").strip()
        if not text:
            return None
        if not ISO_TIME.fullmatch(text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        try:
            local = datetime.fromisoformat(text)
            if not FIRST_YEAR <= local.year <= LAST_YEAR:
                years = {"first": FIRST_YEAR, "last": LAST_YEAR}
                raise ValidationError(self.error_messages["edge"], code="edge", params=years)
            if self.unchanged is not None and local == self._local(self.unchanged):
                return self.unchanged
            instant = local.replace(tzinfo=self.zone).astimezone(UTC)
            skipped = instant.astimezone(self.zone).replace(tzinfo=None) != local
        except (ValueError, OverflowError):
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        if skipped:
            raise ValidationError(self.error_messages["skipped"], code="skipped", params={"zone": self.zone.key})
        return instant

    def prepare_value(self, value: Any) -> Any:
        return self.written(value) if isinstance(value, datetime) else value

    def written(self, instant: datetime) -> str:
        """``2024-05-31T15:30``, with seconds and thousandths only where there are any."""
        local = self._local(instant)
        if local.microsecond:
            return local.isoformat(timespec="milliseconds")
        return local.isoformat(timespec="seconds" if local.second else "minutes")

    def _local(self, instant: datetime) -> datetime:
        """On the person's clock, to the thousandth of a second, which is all that browsers keep."""
        local = instant.astimezone(self.zone).replace(tzinfo=None, fold=0)
        return local.replace(microsecond=local.microsecond // 1000 * 1000)
