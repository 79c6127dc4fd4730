"""The past of an asset, from a fake Polygon over HTTP: in pieces, once, resumable, and not mixed with other closes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from activity.models import Job
from assets.models import Asset, Backfill, HistoricValue, PriceGap, PriceRevision, QuarantinedBar
from assets.providers.base import Bar
from assets.services import lease
from assets.services.backfill import NobodyHasHistory, NoHistoryAsked, lost, request_backfill, run_backfill, waiting
from assets.services.gaps import JOB, find_gaps, gaps_of, repair_night
from assets.services.history import store_bars
from assets.services.listing import create_asset
from assets.services.nightly import due_nights
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_past import FakePast, running
from assets.tests.fake_polygon import KEY, Reply
from core.testing import PATIENCE
from users.models import User

NOW = datetime(2024, 6, 1, 7, tzinfo=UTC)  # the night after a Friday
START, LAST = date(2020, 1, 2), date(2024, 5, 31)
DAYS = sessions("XNYS", START, LAST)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def polygon(settings: Any) -> Iterator[FakePast]:
    with running() as fake:
        settings.PRICE_PROVIDERS = ["polygon"]
        settings.POLYGON_URL, settings.POLYGON_API_KEY = fake.url, KEY
        settings.POLYGON_CALLS_PER_MINUTE, settings.POLYGON_TIMEOUT = 0, PATIENCE
        yield fake


@pytest.fixture
def apple(polygon: FakePast) -> Asset:
    make_exchange("XNYS", ingest_since=LAST)
    polygon.tell("AAPL", {day: 100 + number % 7 for number, day in enumerate(DAYS)})
    return make_asset("AAPL")


def closes(asset: Asset) -> dict[date, Decimal]:
    return dict(HistoricValue.objects.filter(asset=asset).values_list("day", "close"))


def request(asset: Asset, start: date = START) -> Backfill:
    return request_backfill(asset=asset, actor=None, now=NOW, start=start)


def run(backfill: Backfill, *, now: datetime = NOW) -> Backfill:
    found = run_backfill(backfill.pk, now=now)
    assert found
    return found


def test_a_new_asset_gets_its_past_as_a_job(polygon: FakePast, alice: User, settings: Any) -> None:
    settings.BACKFILL_YEARS = 4
    market = make_exchange("XNYS", ingest_since=LAST)
    polygon.tell("AAPL", dict.fromkeys(DAYS, 100))
    asset = create_asset(actor=alice, symbol="AAPL", name="Apple", currency="USD", exchange=market, now=NOW)
    backfill = Backfill.objects.get()
    assert (backfill.asset, backfill.end, waiting(NOW)) == (asset, LAST, [backfill.pk])
    job = Job.objects.visible_to(alice).get()
    assert (job.kind, job.state, job.done, job.total) == ("backfill", "running", 0, 2)
    done = run(backfill)
    assert (done.state, done.stored) == ("complete", HistoricValue.objects.count())
    assert set(closes(asset)) == {day for day in DAYS if day >= backfill.start}
    job.refresh_from_db()
    assert (job.state, job.done, job.result["stored"]) == ("done", 2, done.stored)
    assert len(polygon.calls) == 2
    assert waiting(NOW) == []
    assert run(backfill).fence == done.fence, "it is over"


def test_an_asset_that_is_not_fetched_nightly_is_left_alone(polygon: FakePast) -> None:
    create_asset(actor=None, symbol="HOUSE", name="A house", currency="USD", type="other", now=NOW)
    assert not Backfill.objects.exists()


def test_who_asks_twice_gets_the_same_one(apple: Asset) -> None:
    assert request(apple).pk == request(apple).pk
    assert Job.objects.count() == 1


def test_there_must_be_somebody_to_ask_and_something_to_fetch(apple: Asset, settings: Any) -> None:
    with pytest.raises(NoHistoryAsked):
        request(apple, date(2024, 6, 1))
    with pytest.raises(NoHistoryAsked, match="1900-01-01"):
        request(apple, date.min)
    settings.POLYGON_API_KEY = ""
    with pytest.raises(NobodyHasHistory):
        request(apple)


def test_a_killed_worker_s_successor_goes_on_where_it_was(apple: Asset, polygon: FakePast) -> None:
    """The first worker has one piece and dies in the second."""
    backfill = request(apple)
    polygon.replies = [Reply(b"", 500)]
    polygon.always = None
    first = lease.claim_backfill(backfill.pk, now=NOW)
    assert first
    Backfill.objects.update(reached=date(2022, 6, 2), stored=504)
    assert waiting(NOW) == [], "somebody works on it"
    later = NOW + timedelta(seconds=31)
    assert (waiting(later), lost(later)) == ([backfill.pk], [backfill.pk])
    polygon.replies = []
    done = run(backfill, now=later)
    assert (done.state, done.fence) == ("complete", 2)
    assert max(closes(apple)) == date(2022, 6, 1), "what was stored is not asked for again"
    with pytest.raises(lease.LeaseLost):
        lease.locked(first)


def test_a_provider_that_is_away_is_waited_for(apple: Asset, polygon: FakePast) -> None:
    backfill = request(apple)
    polygon.always = Reply(b"", 429, {"Retry-After": "40"})
    failed = run(backfill)
    assert (failed.state, failed.next_attempt_at) == ("pending", NOW + timedelta(seconds=40))
    assert "polygon" in Job.objects.get().message
    assert waiting(NOW) == []
    now = NOW
    for _ in range(10):
        now += timedelta(days=1)
        failed = run(backfill, now=now)
    assert (failed.state, Job.objects.get().state) == ("failed", "failed")
    polygon.always = None
    assert request(apple).pk != backfill.pk, "it can be asked for again"


def test_what_is_doubtful_in_a_past_goes_to_the_quarantine(apple: Asset, polygon: FakePast) -> None:
    polygon.past["AAPL"] = {
        **dict.fromkeys(sessions("XNYS", date(2024, 5, 1), LAST), 100),
        date(2024, 5, 3): 0,
        date(2024, 5, 7): float("nan"),
        date(2024, 5, 8): 400,
        date(2024, 5, 11): 100,  # a Saturday
    }
    done = run(request(apple, date(2024, 5, 1)))
    assert {(bar.day.day, bar.reason) for bar in QuarantinedBar.objects.all()} == {
        (3, "not_positive"),
        (7, "not_a_number"),
        (8, "jump"),
        (11, "no_session"),
    }
    assert done.refused == 4
    assert not closes(apple).keys() & {date(2024, 5, day) for day in (3, 7, 8, 11)}


def test_an_absurd_close_after_a_long_gap_goes_to_the_quarantine(apple: Asset, polygon: FakePast) -> None:
    make_bars(apple, {date(2024, 1, 31): 10}, source="polygon")
    polygon.past["AAPL"] = {date(2024, 5, 1): 101, date(2024, 5, 2): 99, date(2024, 5, 20): 980}
    run(request(apple, date(2024, 5, 1)))
    assert set(QuarantinedBar.objects.values_list("day", "reason")) == {(date(2024, 5, 1), "jump")}
    assert closes(apple) == {date(2024, 1, 31): 10, date(2024, 5, 2): 99, date(2024, 5, 20): 980}


def test_an_adjusted_history_is_not_mixed_with_raw_closes(apple: Asset, polygon: FakePast) -> None:
    """Stored as traded; then the source divides all old closes by 4."""
    make_bars(apple, dict.fromkeys(DAYS[-30:], 400), source="polygon")
    polygon.past["AAPL"] = {**dict.fromkeys(DAYS, 100)}
    failed = run(request(apple))
    assert (failed.state, failed.stored) == ("failed", 0)
    assert "0.2500 times the stored ones" in failed.message
    kept = QuarantinedBar.objects.get()
    assert (kept.reason, kept.can_be_accepted) == ("restated", False)
    assert set(closes(apple).values()) == {Decimal(400)}
    assert not PriceRevision.objects.exists()


def test_a_single_corrected_close_replaces_the_old_one(apple: Asset, polygon: FakePast) -> None:
    make_bars(apple, dict.fromkeys(DAYS[-30:], 100), source="polygon")
    polygon.past["AAPL"] = {**dict.fromkeys(DAYS[-30:], 100), DAYS[-10]: 104}
    run(request(apple, DAYS[-30]))
    assert closes(apple)[DAYS[-10]] == 104
    assert [bar.day for bar in PriceRevision.objects.filter(day=DAYS[-10])] == [DAYS[-10]]


def test_other_sources_and_entered_prices_stay_and_simulated_ones_give_way(apple: Asset, polygon: FakePast) -> None:
    polygon.past["AAPL"] = {**dict.fromkeys(DAYS[-4:], 100)}
    for day, source in zip(DAYS[-4:-1], ("csv_file", "manual", "simulated"), strict=True):
        make_bars(apple, {day: 99}, source=source)
    run(request(apple, DAYS[-4]))
    found = dict(HistoricValue.objects.values_list("day", "source"))
    assert [found[day] for day in DAYS[-4:]] == ["csv_file", "manual", "polygon", "polygon"]


def test_a_total_return_asset_asks_nobody_for_raw_closes(polygon: FakePast) -> None:
    make_exchange("XNYS", ingest_since=LAST)
    with pytest.raises(NobodyHasHistory):
        request(make_asset("DEMO", price_basis="total_return"))
    assert polygon.calls == []


# --- gaps -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def holed(apple: Asset, polygon: FakePast) -> Asset:
    """Two gaps: one session, and three in a row."""
    missing = {DAYS[-20], *DAYS[-10:-7]}
    polygon.past["AAPL"] = {**dict.fromkeys(DAYS, 100)}
    make_bars(apple, {day: 100 for day in DAYS[-40:] if day not in missing}, source="polygon")
    return apple


def test_gaps_are_found_by_the_calendar(holed: Asset) -> None:
    assert [(gap.start, gap.end, gap.sessions) for gap in gaps_of(holed)] == [
        (DAYS[-20], DAYS[-20], 1),
        (DAYS[-10], DAYS[-8], 3),
    ]
    assert holed.exchange
    assert find_gaps(holed.exchange) == 2
    assert find_gaps(holed.exchange) == 2
    assert PriceGap.objects.count() == 2


def test_gaps_are_closed_at_night_once(holed: Asset, polygon: FakePast) -> None:
    assert holed.exchange
    (night,) = due_nights(JOB, NOW)
    done = repair_night(holed.exchange, night.day, now=NOW)
    assert done
    assert (done.state, done.stored, gaps_of(holed)) == ("complete", 2, [])
    assert not PriceGap.objects.exists()
    assert len(polygon.calls) == 2
    assert due_nights(JOB, NOW) == []
    assert repair_night(holed.exchange, night.day, now=NOW) is None
    assert [item.day for item in due_nights(JOB, NOW + timedelta(days=1))] == [night.day + timedelta(days=1)]


def test_not_more_calls_than_allowed(holed: Asset, polygon: FakePast, settings: Any) -> None:
    settings.GAP_REPAIR_CALLS = 1
    assert holed.exchange
    repair_night(holed.exchange, date(2024, 6, 1), now=NOW)
    assert (len(polygon.calls), PriceGap.objects.count()) == (1, 1)


def test_a_gap_that_nobody_can_close_is_asked_for_ever_more_rarely(holed: Asset, polygon: FakePast) -> None:
    for day in (DAYS[-20], *DAYS[-10:-7]):
        del polygon.past["AAPL"][day]
    assert holed.exchange
    calls = []
    for days in range(8):
        repair_night(holed.exchange, date(2024, 6, 1) + timedelta(days=days), now=NOW + timedelta(days=days))
        calls.append(len(polygon.calls))
    assert calls == [2, 4, 4, 6, 6, 6, 6, 8]
    assert "3 of 3 sessions are still missing" in {gap.message.split(": ")[1] for gap in PriceGap.objects.all()}


def test_a_gap_is_not_filled_from_an_adjusted_history(holed: Asset, polygon: FakePast) -> None:
    polygon.past["AAPL"] = {**dict.fromkeys(DAYS, 50)}
    assert holed.exchange
    repair_night(holed.exchange, date(2024, 6, 1), now=NOW)
    assert len(gaps_of(holed)) == 2
    assert {bar.reason for bar in QuarantinedBar.objects.all()} == {"restated"}


def test_a_provider_that_is_away_is_asked_again_the_same_night(holed: Asset, polygon: FakePast) -> None:
    polygon.always = Reply(b"", 500)
    assert holed.exchange
    failed = repair_night(holed.exchange, date(2024, 6, 1), now=NOW)
    assert failed
    assert (failed.state, failed.next_attempt_at) == ("incomplete", NOW + MINUTE)
    polygon.always = None
    assert [item.day for item in due_nights(JOB, NOW + MINUTE)] == [date(2024, 6, 1)]


def test_an_asset_without_an_exchange_has_no_gaps(polygon: FakePast) -> None:
    house = make_asset("HOUSE", exchange=None)
    make_bars(house, {date(2020, 1, 1): 1, date(2024, 1, 1): 2})
    assert gaps_of(house) == []


def test_an_entered_price_is_not_overwritten_by_a_provider(apple: Asset) -> None:

    make_bars(apple, {LAST: 99}, source="manual")
    assert store_bars([(apple.pk, Bar("AAPL", LAST, Decimal(100)))], source="polygon") == 0
    assert closes(apple)[LAST] == 99
    assert store_bars([(apple.pk, Bar("AAPL", LAST, Decimal(98)))], source="manual") == 1


def test_the_admin_fetches_a_history_again(apple: Asset, carol: User) -> None:
    client = Client()
    client.force_login(carol)
    make_asset("HOUSE", exchange=None, price_basis="total_return")
    chosen = {"action": "backfill_now", "_selected_action": list(Asset.objects.values_list("pk", flat=True))}
    answer = client.post("/admin/assets/asset/", chosen, follow=True)
    text = answer.content.decode()
    assert "The history is fetched of AAPL." in text
    assert "HOUSE: No provider that has the history of this asset is configured." in text
    assert Backfill.objects.get().asset == apple


@pytest.mark.parametrize("name", ["quarantinedbar", "pricegap", "backfill", "actionproposal"])
def test_the_admin_shows_and_does_not_edit(carol: User, name: str) -> None:
    client = Client()
    client.force_login(carol)
    assert client.get(f"/admin/assets/{name}/").status_code == 200
    assert client.get(f"/admin/assets/{name}/add/").status_code == 403


def test_over_the_api(apple: Asset, api: Callable[[User], APIClient], alice: User, carol: User) -> None:
    url = "/api/assets/AAPL/backfill/"
    assert api(alice).post(url).status_code == 403
    made = api(carol).post(url, {"start": "2024-01-02"})
    assert (made.status_code, made.json()["state"]) == (202, "pending")
    job = api(carol).get(f"/api/jobs/{made.json()['job']}/").json()
    assert (job["kind"], job["state"], job["done"]) == ("backfill", "running", 0)
    assert api(alice).get(f"/api/jobs/{made.json()['job']}/").status_code == 404
    make_bars(apple, {DAYS[0]: 100, DAYS[3]: 100})
    gaps = api(alice).get("/api/assets/AAPL/gaps/").json()["results"]
    assert gaps == [{"start": DAYS[1].isoformat(), "end": DAYS[2].isoformat(), "sessions": 2}]
