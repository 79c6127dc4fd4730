"""Which market days are to be fetched, decided from the rows and the exchange's calendar alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from assets import sessions
from assets.models import Exchange, IngestionRun
from assets.services import sources
from core.errors import DomainError

log = logging.getLogger(__name__)
JOB = "daily_bars"
LONGEST_SESSION = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class MarketDay:
    market: str
    day: date


class SessionNotOver(DomainError):
    """The exchange has no session that day, or it is not over yet."""


def due_days(now: datetime) -> list[MarketDay]:
    """The market days whose hour has come and that nobody has fetched or is fetching, oldest first.

    From the day of installation on, never earlier. A market without assets has none.
    """
    markets = Exchange.objects.filter(ingest_since__isnull=False, assets__isnull=False).distinct()
    due = [MarketDay(market.code, day) for market in markets for day in _due_of(market, now)]
    return sorted(due, key=lambda item: (item.day, item.market))


def days_to_fetch_now(market: Exchange, now: datetime) -> list[date]:
    """What a person who asks for prices gets: what is not complete since installation, and the last session.

    Neither the hour nor a wait after a failure counts.
    """
    ended = ended_sessions(market, now, market.ingest_since or now.date())
    last = ended[-1:] or [last_ended_session(market, now)]
    runs = IngestionRun.objects.filter(job=JOB, market=market)
    idle = set(runs.unfinished(now).values_list("day", flat=True))
    known = set(runs.values_list("day", flat=True))
    return [day for day in sorted({*ended, *last}) if day not in known or day in idle]


def ended_sessions(market: Exchange, now: datetime, since: date) -> list[date]:
    """The sessions from ``since`` on that are over, oldest first."""
    days = sessions.sessions(market.calendar, since, now.date() + timedelta(days=1))
    return [day for day in days if sessions.closes_at(market.calendar, day) <= now]


def last_ended_session(market: Exchange, now: datetime) -> date:
    return ended_sessions(market, now, sessions.last_session(market.calendar, now.date() - LONGEST_SESSION))[-1]


def require_ended(market: Exchange, day: date, now: datetime) -> None:
    """Raise SessionNotOver unless ``day`` is a session of the market that is over."""
    if not sessions.is_session(market.calendar, day):
        raise SessionNotOver("{market} has no session on {day}.", market=market, day=day, field="day")
    if sessions.closes_at(market.calendar, day) > now:
        raise SessionNotOver("The session of {market} on {day} is not over yet.", market=market, day=day, field="day")


def _due_of(market: Exchange, now: datetime) -> list[date]:
    try:
        days = _scheduled(market, now)
    except DomainError as error:  # one exchange that is set up wrongly does not hold up the others
        log.error("%s is not fetched: %s", market, error)  # noqa: TRY400  the message says it all
        return []
    runs = IngestionRun.objects.filter(job=JOB, market=market)
    providers = sources.identities(sources.configured(market))
    known = set(runs.values_list("day", flat=True))
    open_again = set(runs.claimable(now, providers).values_list("day", flat=True))
    return [day for day in days if day not in known or day in open_again]


def _scheduled(market: Exchange, now: datetime) -> list[date]:
    """Ended sessions since installation, up to yesterday once the market's hour has come, else the day before."""
    local = now.astimezone(ZoneInfo(market.ingest_zone))
    yesterday = local.date() - timedelta(days=1 if local.time() >= market.ingest_at else 2)
    since = market.ingest_since or yesterday
    return [day for day in ended_sessions(market, now, since) if day <= yesterday]
