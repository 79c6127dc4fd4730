"""Prices that a person enters: one, or a list of them, all or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from activity.services import record
from assets import price_lists, quality, sessions
from assets.models import Asset, Exchange, HistoricValue, PriceClock
from assets.price_lists import PriceRow, Problem
from assets.providers.base import Bar
from assets.services import judging
from assets.services.actions import adjust_closes, today_of
from assets.services.history import MANUAL, store_bars
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User


EARLIEST = date(1600, 1, 1)  # the first shares were traded soon after


class NoPrice(DomainError):
    """This cannot be the price of a day."""


class NoSuchDay(DomainError):
    """There can be no price of that day."""


class UnlikelyPrice(DomainError):
    """The price is more than 50 % away from the last one. Confirm it if it is right."""


class _OfLines(DomainError):
    """``problems`` says what is the matter with which line."""

    def __init__(self, message: str, problems: Sequence[Problem], **values: object) -> None:
        super().__init__(message, field="file", **values)
        self.problems = problems


class PriceListRefused(_OfLines):
    """The list has lines that are wrong; nothing was stored."""


class UnlikelyPrices(_OfLines):
    """Prices of the list are more than 50 % away from the one before. Confirm them if they are right."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a list would store, what is wrong with it, and which of its prices look unlikely."""

    rows: list[PriceRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unlikely: list[Problem] = field(default_factory=list)


@transaction.atomic
def enter_price(
    *, asset: Asset, day: date, figures: Mapping[str, Decimal | None], actor: User, confirmed: bool = False
) -> HistoricValue:
    """Store one day's price, which no provider overwrites. ``figures``: close and, if known, open, high, low, volume.

    Raises NoSuchDay, NoPrice, UnlikelyPrice unless ``confirmed``.
    """
    bar = _bar(asset.symbol, day, figures)
    reason = _refused(asset, bar, timezone.now())
    if reason:
        raise reason
    unlikely = _unlikely(asset, [bar])
    if unlikely and not confirmed:
        raise UnlikelyPrice("{unlikely}. Confirm it if it is right.", unlikely=unlikely[bar.day], field="close")
    _store(asset, [bar], actor)
    return HistoricValue.objects.get(asset=asset, day=day)


def preview(content: bytes, *, now: datetime) -> Preview:
    """What ``enter_list`` would make of a file; stores nothing."""
    listed = price_lists.read(content)
    known = Asset.objects.filter(symbol__in={row.symbol for row in listed.rows}).select_related("exchange")
    assets = {asset.symbol: asset for asset in known}
    found = Preview(problems=list(listed.problems))
    by_asset: dict[str, list[tuple[PriceRow, Bar]]] = {}
    for row in listed.rows:
        asset = assets.get(row.symbol)
        bar = _bar(row.symbol, row.day, row.figures)
        reason = _refused(asset, bar, now) if asset else NoPrice("there is no asset “{symbol}”", symbol=row.symbol[:40])
        if reason:
            found.problems.append(Problem(row.line, reason.message))
        else:
            found.rows.append(row)
            by_asset.setdefault(row.symbol, []).append((row, bar))
    for symbol, pairs in by_asset.items():
        lines = {bar.day: row.line for row, bar in pairs}
        jumps = _unlikely(assets[symbol], [bar for _, bar in pairs])
        found.unlikely.extend(Problem(lines[day], f"{symbol}: {text}") for day, text in jumps.items())
    found.problems.sort(key=lambda problem: problem.line)
    found.unlikely.sort(key=lambda problem: problem.line)
    return found


@transaction.atomic
def enter_list(*, content: bytes, actor: User, confirmed: bool = False) -> int:
    """Store every price of a file, or none; returns how many changed anything.

    Raises PriceListRefused for wrong lines, UnlikelyPrices for unlikely prices unless ``confirmed``.
    """
    found = preview(content, now=timezone.now())
    if found.problems:
        raise _wrong_lines(found.problems)
    if found.unlikely and not confirmed:
        first = found.unlikely[0]
        raise UnlikelyPrices("Line {line}: {reason}", found.unlikely, line=first.line, reason=first.text)
    by_symbol: dict[str, list[Bar]] = {}
    for row in found.rows:
        by_symbol.setdefault(row.symbol, []).append(_bar(row.symbol, row.day, row.figures))
    assets = Asset.objects.filter(symbol__in=by_symbol).order_by("pk")
    return sum(_store(asset, by_symbol[asset.symbol], actor) for asset in assets)


def _wrong_lines(problems: Sequence[Problem]) -> PriceListRefused:
    first, count = problems[0], len(problems)
    if not first.line:
        return PriceListRefused(
            "{count} lines are wrong, the first: {reason}", problems, count=count, reason=first.text
        )
    return PriceListRefused(
        "{count} lines are wrong, the first: line {line}: {reason}",
        problems,
        count=count,
        line=first.line,
        reason=first.text,
    )


def _bar(symbol: str, day: date, figures: Mapping[str, Decimal | None]) -> Bar:
    given: dict[str, Any] = {name: value for name, value in figures.items() if value is not None}
    return Bar(symbol, day, given.pop("close"), **given)


def _refused(asset: Asset, bar: Bar, now: datetime) -> DomainError | None:
    if bar.day > today_of(asset, now):
        return NoSuchDay("{day} is in the future.", day=bar.day, field="day")
    if reason := _no_session(asset.exchange, bar.day):
        return NoSuchDay(reason, field="day")
    if asset.delisted_on and bar.day > asset.delisted_on:
        return NoSuchDay(
            "{symbol} was delisted on {delisted_on}.", symbol=asset.symbol, delisted_on=asset.delisted_on, field="day"
        )
    if refusal := quality.malformed(bar) or quality.inconsistent(bar):
        named = refusal.text.split(" ", 1)[0]
        return NoPrice("{reason}.", reason=refusal.text, field=named if named in price_lists.FIGURES else "close")
    return None


def _no_session(exchange: Exchange | None, day: date) -> str:
    if exchange is None:
        return (
            gettext("%(day)s is before the first prices, of %(year)s.") % {"day": day, "year": EARLIEST.year}
            if day < EARLIEST
            else ""
        )
    try:
        return (
            ""
            if sessions.is_session(exchange.calendar, day)
            else gettext("%(exchange)s was closed on %(day)s.") % {"exchange": exchange, "day": day}
        )
    except sessions.UnknownCalendar as error:
        return error.message


def _unlikely(asset: Asset, bars: Sequence[Bar]) -> dict[date, str]:
    """Days whose price is far from the last one before it, however old, among the stored and the given."""
    ordered = sorted(bars, key=lambda bar: bar.day)
    last = judging.previous_closes([asset.pk], ordered[0].day).get(asset.pk)
    last = last if last and judging.comparable(last, MANUAL) else None
    steps = judging.steps_of([asset.pk], until=ordered[-1].day).get(asset.pk, ())
    found = {}
    for bar in ordered:
        near = judging.brought(last, steps, bar.day) if last else None
        expected = quality.Expectation(
            symbols={asset.symbol},
            day=bar.day,
            today=bar.day,
            previous={asset.symbol: (near.day, near.close)} if near else {},
            disputed={asset.symbol},  # however old: funds and bonds are priced once a month, and who enters can confirm
        )
        refusal = quality.refusal(bar, expected)
        if refusal:
            found[bar.day] = refusal.text
        last = judging.LastBar(asset.pk, bar.day, bar.close, MANUAL)
    return found


def _store(asset: Asset, bars: Iterable[Bar], actor: User) -> int:
    given = list(bars)
    changed = store_bars([(asset.pk, bar) for bar in given], source=MANUAL)
    if changed:
        adjust_closes(asset, PriceClock.read())
        days = [bar.day.isoformat() for bar in given]
        data = {"asset": asset.symbol, "bars": changed, "first": min(days), "last": max(days)}
        record(actor=actor, action="prices.entered", subject=asset, data=data)
    return changed
