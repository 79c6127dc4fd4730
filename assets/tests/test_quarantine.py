"""Doubtful bars: kept once, never current by themselves, decided once, and explained by a corporate action."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone, translation

from activity.models import AuditEvent
from assets.models import Asset, Exchange, HistoricValue, IngestionRun, PriceClock, PriceRevision, QuarantinedBar
from assets.providers.base import Bar
from assets.quality import Doubt, Reason, Refusal
from assets.services.due import due_days
from assets.services.ingestion import ingest
from assets.services.quarantine import AlreadyDecided, NotAcceptable, accept, keep, reject
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_polygon import DAY, FakePolygon, Reply, body, row
from users.models import User

NOW = datetime(2024, 6, 1, 7, tzinfo=UTC)  # the night after DAY, a Friday
BEFORE, MONDAY = date(2024, 5, 30), date(2024, 6, 3)

pytestmark = pytest.mark.django_db


@pytest.fixture
def apple(db: None) -> Asset:
    make_exchange("XNYS", ingest_since=DAY)
    asset = make_asset("AAPL")
    make_bars(asset, {BEFORE: 100}, source="polygon")
    return asset


@pytest.fixture
def market(apple: Asset) -> Exchange:
    assert apple.exchange
    return apple.exchange


def run(market: Exchange, day: date = DAY, *, now: datetime = NOW) -> IngestionRun:
    return ingest(market, day, now=now, force=True)


def close_of(day: date) -> Decimal | None:
    return HistoricValue.objects.filter(day=day).values_list("close", flat=True).first()


def flat_bar(close: int) -> Bar:
    price = Decimal(close)
    return Bar("AAPL", DAY, price, open=price, high=price, low=price, volume=Decimal(1000))


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({"close": 151}, "jump"),
        ({"close": 49}, "jump"),
        ({"close": 0}, "not_positive"),
        ({"close": -5}, "not_positive"),
        ({"close": float("nan")}, "not_a_number"),
        ({"close": 100, "h": 90, "l": 95}, "inconsistent"),
        ({"close": 1e16}, "too_long"),
    ],
)
def test_a_doubtful_bar_is_kept_as_it_was_given(
    market: Exchange, polygon: FakePolygon, figures: dict[str, Any], reason: str
) -> None:
    close = figures.pop("close")
    polygon.days[DAY.isoformat()] = [row("AAPL", close, **figures)]
    done = run(market)
    assert (done.state, done.refused, close_of(DAY)) == ("incomplete", 1, None)
    kept = QuarantinedBar.objects.get()
    assert (kept.asset.symbol, kept.day, kept.provider, kept.reason, kept.state) == (
        "AAPL",
        DAY,
        "polygon",
        reason,
        "open",
    )
    assert kept.figures["close"] == str(kept.figures["close"])
    assert "AAPL" in done.missing
    assert kept.can_be_accepted == (reason in {"jump", "inconsistent"})


def test_the_same_bar_is_kept_once_and_seen_again(market: Exchange, polygon: FakePolygon) -> None:
    polygon.trade({"AAPL": 500})
    run(market)
    first = QuarantinedBar.objects.get()
    run(market, now=NOW + timedelta(days=1))
    again = QuarantinedBar.objects.get()
    assert (again.pk, again.first_seen) == (first.pk, first.first_seen)
    assert again.last_seen > first.last_seen
    polygon.trade({"AAPL": 501})
    run(market, now=NOW + timedelta(days=2))
    assert QuarantinedBar.objects.count() == 2


def test_an_open_one_keeps_the_run_incomplete_with_growing_waits(market: Exchange, polygon: FakePolygon) -> None:
    polygon.trade({"AAPL": 500})
    waits, now = [], NOW
    for _ in range(4):
        done = ingest(market, DAY, now=now)
        assert done.state == "incomplete"
        assert done.next_attempt_at
        waits.append(done.next_attempt_at - now)
        now = done.next_attempt_at
    assert waits == [timedelta(minutes=count) for count in (1, 2, 4, 8)]


def test_an_accepted_bar_becomes_current_and_completes_the_run(
    market: Exchange, polygon: FakePolygon, carol: User
) -> None:
    polygon.trade({"AAPL": 500})
    run(market)
    clock = PriceClock.read()
    bar = accept(bar=QuarantinedBar.objects.get(), actor=carol)
    assert (bar.state, bar.decided_by, close_of(DAY)) == ("accepted", carol, Decimal(500))
    assert PriceClock.read() > clock
    assert market.assets.get().price_version == PriceClock.read()
    assert AuditEvent.objects.filter(action="quarantine.accepted", actor=carol).count() == 1
    assert DAY in [item.day for item in due_days(timezone.now())], "the run is looked at again at once"
    calls = len(polygon.calls)
    done = ingest(market, DAY, now=timezone.now())
    assert (done.state, done.stored, len(polygon.calls)) == ("complete", 1, calls)


def test_a_rejected_bar_completes_the_run_and_is_not_raised_again(
    market: Exchange, polygon: FakePolygon, carol: User
) -> None:
    polygon.trade({"AAPL": 500})
    run(market)
    bar = reject(bar=QuarantinedBar.objects.get(), actor=carol)
    assert AuditEvent.objects.filter(action="quarantine.rejected", actor=carol).count() == 1
    done = ingest(market, DAY, now=timezone.now())
    assert (done.state, done.expected, done.stored, close_of(DAY)) == ("complete", 1, 0, None)
    assert "1 were rejected in the quarantine" in done.message
    doubt = Doubt(flat_bar(500), Refusal(Reason.JUMP, "x"))
    assert keep([(bar.asset_id, "polygon", doubt)], now=timezone.now()) == 0
    assert [kept.state for kept in QuarantinedBar.objects.all()] == ["rejected"]


def test_one_decision_only(market: Exchange, polygon: FakePolygon, carol: User) -> None:
    polygon.trade({"AAPL": 500})
    run(market)
    bar = QuarantinedBar.objects.get()
    reject(bar=bar, actor=carol)
    for decide in (accept, reject):
        with pytest.raises(AlreadyDecided):
            decide(bar=bar, actor=carol)
    assert close_of(DAY) is None


@pytest.mark.parametrize("close", [0, -5, float("nan"), 1e16])
def test_what_is_no_price_can_only_be_rejected(
    market: Exchange, polygon: FakePolygon, carol: User, close: float
) -> None:
    polygon.trade({"AAPL": close})
    run(market)
    bar = QuarantinedBar.objects.get()
    clock = PriceClock.read()
    with pytest.raises(NotAcceptable):
        accept(bar=bar, actor=carol)
    assert (PriceClock.read(), QuarantinedBar.objects.get().state) == (clock, "open")
    assert reject(bar=bar, actor=carol).state == "rejected"


def test_of_two_different_bars_the_accepted_one_counts(market: Exchange, polygon: FakePolygon, carol: User) -> None:
    polygon.replies = [Reply(body(row("AAPL", 101), row("AAPL", 102)))]
    run(market)
    first = next(bar for bar in QuarantinedBar.objects.all() if bar.figures["close"] == "101")
    accept(bar=first, actor=carol)
    assert sorted(QuarantinedBar.objects.values_list("state", flat=True)) == ["accepted", "rejected"]
    assert close_of(DAY) == 101


def test_a_file_that_says_nonsense(market: Exchange, settings: Any, tmp_path: Path) -> None:
    settings.PRICE_PROVIDERS, settings.PRICE_CSV_DIR = ["csv_file"], str(tmp_path)
    head = "symbol,date,open,high,low,close,volume\n"
    (tmp_path / "AAPL.csv").write_text(head + "AAPL,2024-05-31,,,,n/a,\nAAPL,2030-01-01,,,,101,\n")
    run(market)
    assert [(bar.day, bar.reason, bar.figures) for bar in QuarantinedBar.objects.all()] == [
        (DAY, "not_a_number", {"close": "NaN"})
    ]
    assert HistoricValue.objects.count() == 1


def test_a_disputed_level_does_not_become_true_by_waiting(market: Exchange, polygon: FakePolygon, carol: User) -> None:
    """Ten days later the last good close is old; the jump from it still has to be decided."""
    polygon.trade({"AAPL": 500})
    run(market)
    later = date(2024, 6, 20)
    polygon.trade({"AAPL": 505}, later)
    done = run(market, later, now=datetime(2024, 6, 21, 7, tzinfo=UTC))
    assert (done.state, close_of(later)) == ("incomplete", None)
    accept(bar=QuarantinedBar.objects.get(day=DAY), actor=carol)
    assert close_of(later) == 505, "the decision about the first day explains the others"
    explained = QuarantinedBar.objects.get(day=later)
    assert (explained.state, explained.decided_by) == ("accepted", None)


def test_a_delisted_asset_is_not_expected_any_more(market: Exchange, polygon: FakePolygon) -> None:
    make_asset("GONE", delisted_on=BEFORE)
    make_asset("LAST", delisted_on=DAY)
    polygon.trade({"AAPL": 101, "LAST": 3})
    done = run(market)
    assert (done.state, done.expected, done.stored) == ("complete", 2, 2)
    polygon.trade({"AAPL": 102}, MONDAY)
    done = run(market, MONDAY, now=datetime(2024, 6, 4, 7, tzinfo=UTC))
    assert (done.state, done.expected) == ("complete", 1)


@pytest.mark.parametrize("basis", ["total_return", "split_adjusted"])
def test_raw_closes_are_not_appended_to_adjusted_ones(polygon: FakePolygon, basis: str) -> None:
    market = make_exchange("XNYS", ingest_since=DAY)
    asset = make_asset("DEMO", price_basis=basis)
    make_bars(asset, {BEFORE: 100})
    polygon.trade({"DEMO": 101})
    with translation.override("de"):  # what a run keeps is English, whoever asks for it
        done = run(market)
    assert (done.state, close_of(DAY), polygon.calls) == ("incomplete", None, [])
    words = {"total_return": "dividends included in price", "split_adjusted": "adjusted for splits"}[basis]
    assert f"polygon: its closes are “as traded”, those of DEMO “{words}”" in done.missing["DEMO"]


def test_an_accepted_bar_that_replaces_one_keeps_it(apple: Asset, carol: User) -> None:
    make_bars(apple, {DAY: 101})
    keep([(apple.pk, "other", Doubt(Bar("AAPL", DAY, Decimal(400)), Refusal(Reason.JUMP, "a jump")))], now=NOW)
    accept(bar=QuarantinedBar.objects.get(), actor=carol)
    assert close_of(DAY) == 400
    assert PriceRevision.objects.get().close == 101
