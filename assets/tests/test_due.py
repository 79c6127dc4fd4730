"""What is due, over nights, weekends, zones and clock changes."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from assets.models import Exchange, IngestionRun
from assets.services.due import days_to_fetch_now, due_days, ended_sessions, last_ended_session
from assets.services.exchanges import install_exchanges
from assets.sessions import closes_at, sessions
from assets.tests.factories import make_asset, make_exchange

FRIDAY = date(2024, 5, 31)

pytestmark = pytest.mark.django_db


def exchange(code: str = "XNYS", **values: Any) -> Exchange:
    """An exchange with one asset."""
    made = make_exchange(code, **({"ingest_since": FRIDAY} | values))
    make_asset(f"A-{code}", exchange=made)
    return made


def due(now: datetime) -> list[str]:
    return [f"{item.market} {item.day:%d.%m.}" for item in due_days(now)]


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2024-05-31T12:00", []),
        ("2024-05-31T23:59", []),
        ("2024-06-01T02:59", []),
        ("2024-06-01T03:00", ["XNYS 31.05."]),
        ("2024-06-03T12:00", ["XNYS 31.05."]),
        ("2024-06-04T02:59", ["XNYS 31.05."]),
        ("2024-06-04T03:00", ["XNYS 31.05.", "XNYS 03.06."]),
        ("2024-06-06T03:00", ["XNYS 31.05.", "XNYS 03.06.", "XNYS 04.06.", "XNYS 05.06."]),
    ],
)
def test_yesterdays_session_from_the_hour_on_and_what_was_missed(now: str, expected: list[str]) -> None:
    exchange()
    assert due(at(now)) == expected


def test_never_before_the_day_of_installation() -> None:
    exchange(ingest_since=date(2024, 6, 5))
    assert due(at("2024-06-06T04:00")) == ["XNYS 05.06."]
    Exchange.objects.update(ingest_since=None)
    assert due(at("2024-06-06T04:00")) == []


def test_oldest_first_over_all_markets() -> None:
    exchange("XNYS")
    exchange("XLON", time_zone="Europe/London")
    assert due(at("2024-06-04T04:00")) == ["XLON 31.05.", "XNYS 31.05.", "XLON 03.06.", "XNYS 03.06."]


def test_a_market_without_assets_has_nothing_due() -> None:
    make_exchange("XNYS", ingest_since=FRIDAY)
    assert due(at("2024-06-04T04:00")) == []


def test_an_exchange_that_is_set_up_wrongly_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    exchange("XNYS")
    exchange("XBAD", calendar="MARS")
    with caplog.at_level(logging.ERROR):
        assert due(at("2024-06-01T04:00")) == ["XNYS 31.05."]
    assert "XBAD is not fetched" in caplog.text


def test_the_hour_is_in_the_markets_zone() -> None:
    exchange(ingest_zone="America/New_York", ingest_at=time(18))
    assert due(at("2024-06-01T17:59", "America/New_York")) == []
    assert due(at("2024-06-01T18:00", "America/New_York")) == ["XNYS 31.05."]


def test_a_session_that_is_not_over_is_not_due_wherever_it_is_already_tomorrow() -> None:
    exchange(ingest_zone="Asia/Tokyo")  # at 3:00 in Tokyo it is 14:00 of the day before in New York
    assert due(at("2024-06-01T03:00", "Asia/Tokyo")) == []
    assert due(at("2024-05-31T19:59")) == []
    assert due(at("2024-05-31T20:00")) == ["XNYS 31.05."]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("2024-03-10T06:59", [], id="the minute before the clocks go forward from 2:00 to 3:00"),
        pytest.param("2024-03-10T07:00", ["24h 09.03."], id="the hour that does not exist has passed"),
        pytest.param("2024-11-03T05:29", ["24h 01.11."], id="before the first of two 1:30"),
        pytest.param("2024-11-03T05:30", ["24h 01.11.", "24h 02.11."], id="the first 1:30"),
        pytest.param("2024-11-03T06:30", ["24h 01.11.", "24h 02.11."], id="the second 1:30"),
    ],
)
def test_clock_changes(now: str, expected: list[str]) -> None:
    spring = now < "2024-06"
    exchange(
        "24h",
        calendar="24/7",
        ingest_since=date(2024, 3, 9) if spring else date(2024, 11, 1),
        ingest_zone="America/New_York",
        ingest_at=time(2, 30) if spring else time(1, 30),
    )
    assert due(at(now)) == expected


@pytest.mark.parametrize(
    ("state", "wait", "expected"),
    [
        ("complete", None, []),
        ("running", None, []),
        ("pending", None, ["XNYS 31.05."]),
        ("pending", timedelta(seconds=1), []),
        ("incomplete", timedelta(seconds=1), []),
        ("incomplete", timedelta(0), ["XNYS 31.05."]),
        ("incomplete", None, []),
    ],
)
def test_what_a_run_says(state: str, wait: timedelta | None, expected: list[str]) -> None:
    now = at("2024-06-01T04:00")
    IngestionRun.objects.create(
        market=exchange(),
        day=FRIDAY,
        state=state,
        next_attempt_at=None if wait is None else now + wait,
        lease_until=now + timedelta(seconds=5) if state == "running" else None,
    )
    assert due(now) == expected


def test_a_lost_run_is_due() -> None:
    now = at("2024-06-01T04:00")
    lost = now - timedelta(seconds=1)
    IngestionRun.objects.create(market=exchange(), day=FRIDAY, state="running", lease_until=lost)
    assert due(now) == ["XNYS 31.05."]


def test_a_person_need_not_wait_for_the_hour() -> None:
    market = exchange()
    evening = at("2024-05-31T20:01")
    assert days_to_fetch_now(market, evening) == [FRIDAY]
    IngestionRun.objects.create(market=market, day=FRIDAY, state="incomplete", next_attempt_at=at("2024-07-01T00:00"))
    assert days_to_fetch_now(market, evening) == [FRIDAY]
    IngestionRun.objects.update(state="complete")
    assert days_to_fetch_now(market, evening) == []


def test_a_person_gets_the_last_session_even_before_installation() -> None:
    market = exchange(ingest_since=date(2024, 6, 2))
    assert days_to_fetch_now(market, at("2024-06-02T12:00")) == [FRIDAY]


def test_exchanges_are_installed_once(settings: Any) -> None:
    settings.INGEST_AT, settings.INGEST_TIME_ZONE = time(4, 30), "Pacific/Auckland"
    now = at("2024-05-31T13:00")
    assert install_exchanges(now=now) == Exchange.objects.count() > 20
    for market in Exchange.objects.all():
        market.full_clean()
        assert last_ended_session(market, now) <= now.date()
    new_york = Exchange.objects.get(code="US")
    assert (new_york.ingest_at, new_york.ingest_zone) == (time(4, 30), "Pacific/Auckland")
    assert new_york.ingest_since == date(2024, 6, 1), "the day in that zone"
    new_york.ingest_since = FRIDAY
    new_york.save()
    assert install_exchanges(now=now + timedelta(days=9)) == 0
    assert Exchange.objects.get(code="US").ingest_since == FRIDAY


class AnyMoment(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(st.datetimes(datetime(2024, 6, 1), datetime(2025, 12, 31), timezones=st.just(UTC)), st.times())  # noqa: DTZ001
    def test_only_sessions_that_are_over_and_each_once(self, now: datetime, hour: time) -> None:
        market = exchange("XNYS", ingest_at=hour)
        days = [item.day for item in due_days(now)]
        assert days == sorted(set(days))
        assert all(closes_at("XNYS", day) <= now for day in days)
        assert set(ended_sessions(market, now, FRIDAY)) - set(days) <= {
            *sessions("XNYS", now.date() - timedelta(days=1), now.date())
        }
        for day in days:
            IngestionRun.objects.create(market=market, day=day, state="complete")
        assert due_days(now) == []
