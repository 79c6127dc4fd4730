"""What a day's bar is compared with: the last close, brought across the corporate actions since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from assets.adjustment import Step, adjusted
from assets.models import CorporateAction, DoubtReason, QuarantinedBar, QuarantineState
from assets.queries import SIMULATED, LastBar, last_bars

DAY = timedelta(days=1)
Steps = Mapping[int, Sequence[Step]]


def previous_closes(asset_ids: Iterable[int], day: date) -> dict[int, LastBar]:
    """The last close of each asset before ``day`` as a price of that day, by asset id; two queries.

    It is divided by the ratios of splits since, and less what was paid or spun off: what an unchanged company would
    cost. An asset without a bar is not in the answer.
    """
    last = last_bars(asset_ids, day - DAY)
    steps = steps_of(last.keys(), until=day)
    return {pk: brought(bar, steps.get(pk, ()), day) for pk, bar in last.items()}


def steps_of(asset_ids: Collection[int], until: date) -> Steps:
    """Asset id to what its standing actions up to ``until`` mean for the closes before them; one query."""
    actions = CorporateAction.objects.standing().filter(asset__in=asset_ids, ex_date__lte=until)
    found: dict[int, list[Step]] = {}
    for action in actions.select_related("asset").order_by("ex_date", "pk"):
        found.setdefault(action.asset_id, []).append(action.step)
    return found


def brought(bar: LastBar, steps: Sequence[Step], day: date) -> LastBar:
    """``bar`` as a price of ``day``; its own day stays, since it says how old it is."""
    since = [step for step in steps if bar.day < step.ex_date <= day]
    return replace(bar, close=adjusted([(bar.day, bar.close)], since)[0]) if since else bar


def disputed(previous: Mapping[int, LastBar], day: date) -> set[int]:
    """The assets with a refused jump between their previous close and ``day`` that nobody has accepted; one query."""
    jumps = QuarantinedBar.objects.filter(reason=DoubtReason.JUMP, asset__in=previous.keys(), day__lt=day)
    refused = jumps.exclude(state=QuarantineState.ACCEPTED).values_list("asset", "day")
    return {pk for pk, on in refused if on > previous[pk].day}


def comparable(bar: LastBar, provider: str) -> bool:
    """A market's close does not follow a simulated one."""
    return bar.simulated == (provider == SIMULATED)
