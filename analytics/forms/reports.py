"""Which days a report is of: a period by its name, or days of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from analytics.reporting.periods import Period, choices, named
from analytics.sheets.words import RECENT_NAMES, day, period_name
from banking.forms.filters import DayField, Filter

MONTHS, QUARTERS, YEARS = 36, 12, 60  # so many are offered; any other may be named in the URL
DEFAULT = "last-month"


class PeriodForm(Filter):
    """``?period=last-month|month|…|2026-10|2026-Q3|2026|all`` or ``?start=&end=``; days win over a name.

    ``first`` is the day of the portfolio's first fact, ``today`` the last day that is known and ``over``
    whether it is a past one.
    """

    period = forms.ChoiceField(
        label=lazy("Period"), required=False, widget=forms.Select(attrs={"class": "form-select"})
    )
    start = DayField(label=lazy("From"))
    end = DayField(label=lazy("To"))

    def __init__(
        self, query: Mapping[str, Any], *, first: date, today: date, over: bool = False, default: str = DEFAULT
    ) -> None:
        self._first, self._today, self._over, self._default = first, today, over, default
        super().__init__(query)

    def _choose(self) -> None:
        first, today = min(self._first, self._today), self._today
        recent = [(key, self._recent(key, str(name))) for key, name in RECENT_NAMES.items()]
        groups: list[Any] = [(_("Recent"), [*recent, ("all", _("Since the beginning"))])]
        kinds = (("month", _("Months"), MONTHS), ("quarter", _("Quarters"), QUARTERS), ("year", _("Years"), YEARS))
        for kind, title, most in kinds:
            periods = choices(kind, first, today, most, over=self._over)  # type: ignore[arg-type]
            found = [(each.key, period_name(each)) for each in periods]
            groups += [(title, found)] if found else []
        offered = {key for _title, group in groups for key, _name in group}
        given = self.data.get("period", "")
        asked = named(given, first, today, over=self._over) if given not in offered else None
        groups += [(_("Other"), [(given, period_name(asked))])] if asked else []
        self.fields["period"].choices = groups  # type: ignore[attr-defined]
        self.fields["period"].error_messages["invalid_choice"] = _("There is no such period: choose one of the list.")

    def _recent(self, key: str, name: str) -> str:
        found = named(key, self._first, self._today, over=self._over)
        return f"{name} ({period_name(found)})" if found else name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        start, end = cleaned.get("start"), cleaned.get("end")
        if start and start > self._today:
            self.add_error("start", _("This is after %(day)s, the last day that is shown.") % {"day": day(self._today)})
        elif start and end and end < start:
            said = _("The period ends on %(end)s, before it begins on %(start)s: choose a later end.")
            self.add_error("end", said % {"end": day(end), "start": day(start)})
        return cleaned

    @property
    def chosen(self) -> Period | None:
        """None where what was asked for is refused; the errors say why."""
        if self.errors:
            return None
        start, end = self.value("start"), self.value("end")
        if start or end:
            last = min(end or self._today, self._today)
            return Period("own", min(start or min(self._first, last), last), last)
        return named(self.value("period") or self._default, self._first, self._today, over=self._over)

    @property
    def shown_period(self) -> str:
        """The choice that the list of periods shows; nothing for days of one's own."""
        return "" if self.data.get("start") or self.data.get("end") else self.data.get("period") or self._default
