"""Live prices that are too far from the last one: noted once, shown to staff, accepted or rejected by their level."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from assets import quotes
from assets.models import Asset, CorporateAction, DoubtfulQuote, ProviderState, Quote
from assets.models import DoubtState as State
from assets.providers.base import PriceQuote
from assets.providers.stream import Tick
from assets.queries import LastBar
from assets.quotes import LastPrice
from assets.services import doubts, streaming
from assets.services import quotes as service
from assets.services.doubts import Overtaken, accept_quote, admits, reject_quote
from assets.services.feeds import Doubtful, Tracked
from assets.services.quarantine import AlreadyDecided
from assets.services.quotes import last_price
from assets.tests import fake_services as fakes
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_upstream import Answering, as_json, serving
from users.models import User

NOW = datetime(2024, 5, 31, 15, tzinfo=UTC)  # a Friday, while the exchange is open
MINUTE = timedelta(minutes=1)
URL, PAGE = "/api/market/quarantine/live-prices/", "/market/quarantine/"


@pytest.fixture
def finnhub(settings: Any) -> Iterator[Answering]:
    """Finnhub alone, with a key entered and no limit of calls."""
    with serving(fakes.finnhub()) as fake:
        settings.PRICE_PROVIDERS = ["finnhub"]
        settings.FINNHUB_URL, settings.FINNHUB_API_KEY = fake.url, "key-of-the-tests"
        settings.FINNHUB_CALLS_PER_SECOND = settings.FINNHUB_CALLS_PER_MINUTE = 0
        yield fake


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL", name="Apple & <Co>", exchange=make_exchange("XNYS"))
    make_bars(asset, {date(2024, 5, 29): 99, date(2024, 5, 30): 100})
    return asset


def said(fake: Answering, asset: Asset, price: float, now: datetime = NOW) -> Decimal:
    """The asset's last price after the provider was asked at ``now`` and said ``price``."""
    fake.answers["/quote"] = as_json(fakes.FINNHUB_QUOTE | {"c": price, "t": int(now.timestamp())})
    service.refresh([asset.pk], now=now)
    return last_price(asset, now=now)[0].price


def doubt_of(asset: Asset, price: str = "40", provider: str = "finnhub", at: datetime = NOW) -> DoubtfulQuote:
    previous = LastBar(asset.pk, date(2024, 5, 30), Decimal(100), "test")
    doubts.note(asset, price=Decimal(price), at=at, provider=provider, previous=previous, now=at)
    return DoubtfulQuote.objects.get(asset=asset, provider=provider)


def test_the_same_doubt_is_one_row_and_no_failure_of_the_provider(apple: Asset, finnhub: Answering) -> None:
    for number in range(8):  # more than open the breaker
        assert said(finnhub, apple, 40 - number / 10, NOW + number * MINUTE) == 100
    doubt = DoubtfulQuote.objects.get()
    assert (doubt.asset, doubt.provider, doubt.state) == (apple, "finnhub", State.OPEN)
    assert (doubt.price, doubt.at) == (Decimal("39.3"), NOW + 7 * MINUTE)
    assert (doubt.previous, doubt.previous_day) == (100, date(2024, 5, 30))
    assert (doubt.first_seen, doubt.last_seen) == (NOW, NOW + 7 * MINUTE)
    state = ProviderState.objects.get(pk="finnhub")
    assert (state.failures, state.errors, state.open_until, state.answers) == (0, 0, None, 8)
    assert len(finnhub.calls) == 8


def test_an_accepted_level_lets_quotes_near_it_through_at_once(apple: Asset, finnhub: Answering, carol: User) -> None:
    said(finnhub, apple, 40)
    accept_quote(doubt=DoubtfulQuote.objects.get(), actor=carol, now=NOW + MINUTE)
    shown = last_price(apple, now=NOW + MINUTE)[0]
    assert (shown.price, shown.at, shown.source, shown.is_quote) == (40, NOW, "finnhub", True)
    assert said(finnhub, apple, 38, NOW + 2 * MINUTE) == 38
    assert said(finnhub, apple, 25, NOW + 4 * MINUTE) == 25, "held against the last quote, as it goes on falling"
    assert DoubtfulQuote.objects.get().state == State.ACCEPTED


def test_after_an_accepted_level_the_old_one_is_doubtful(apple: Asset, finnhub: Answering, carol: User) -> None:
    said(finnhub, apple, 40)
    accept_quote(doubt=DoubtfulQuote.objects.get(), actor=carol, now=NOW + MINUTE)
    assert said(finnhub, apple, 100, NOW + 2 * MINUTE) == 40
    doubt = DoubtfulQuote.objects.get()
    assert (doubt.state, doubt.price, doubt.previous, doubt.decided_by) == (State.OPEN, 100, 40, None)


def test_a_close_after_an_accepted_level_counts_more(apple: Asset, finnhub: Answering, carol: User) -> None:
    said(finnhub, apple, 40)
    accept_quote(doubt=DoubtfulQuote.objects.get(), actor=carol, now=NOW + MINUTE)
    make_bars(apple, {date(2024, 5, 31): 101})
    monday = datetime(2024, 6, 3, 15, tzinfo=UTC)
    assert said(finnhub, apple, 40, monday) == 101
    doubt = DoubtfulQuote.objects.get()
    assert (doubt.state, doubt.first_seen, doubt.previous) == (State.OPEN, monday, 101)


def test_a_split_after_an_accepted_level_divides_it(apple: Asset, finnhub: Answering, carol: User) -> None:
    said(finnhub, apple, 400)
    accept_quote(doubt=DoubtfulQuote.objects.get(), actor=carol, now=NOW + MINUTE)
    CorporateAction.objects.create(asset=apple, kind="split", ex_date=date(2024, 6, 3), ratio=10, per=1)
    assert said(finnhub, apple, 41, datetime(2024, 6, 3, 15, tzinfo=UTC)) == 41


def test_a_rejected_level_stays_refused_until_it_changes(apple: Asset, finnhub: Answering, carol: User) -> None:
    said(finnhub, apple, 40)
    reject_quote(doubt=DoubtfulQuote.objects.get(), actor=carol, now=NOW + MINUTE)
    for number, price in enumerate((40, 42, 44, 47), start=2):
        assert said(finnhub, apple, price, NOW + number * MINUTE) == 100
    doubt = DoubtfulQuote.objects.get()
    assert (doubt.state, doubt.price, doubt.decided_by) == (State.REJECTED, 40, carol)
    assert said(finnhub, apple, 20, NOW + 9 * MINUTE) == 100
    doubt.refresh_from_db()
    assert (doubt.state, doubt.price, doubt.first_seen) == (State.OPEN, 20, NOW + 9 * MINUTE)


def test_a_doubt_passes_when_the_provider_is_believable_again(apple: Asset, finnhub: Answering, carol: User) -> None:
    said(finnhub, apple, 40)
    assert said(finnhub, apple, 101, NOW + MINUTE) == 101
    doubt = DoubtfulQuote.objects.get()
    assert doubt.state == State.PASSED
    with pytest.raises(AlreadyDecided, match="over by itself"):
        accept_quote(doubt=doubt, actor=carol)
    assert said(finnhub, apple, 40, NOW + 2 * MINUTE) == 101
    doubt.refresh_from_db()
    assert doubt.state == State.OPEN


def test_what_other_providers_say_of_the_level_is_accepted_with_it(apple: Asset, carol: User) -> None:
    near, far = doubt_of(apple, "41", "yahoo"), doubt_of(apple, "4000", "alpha_vantage")
    accept_quote(doubt=doubt_of(apple), actor=carol, now=NOW)
    near.refresh_from_db()
    far.refresh_from_db()
    assert (near.state, near.decided_by, far.state) == (State.ACCEPTED, carol, State.OPEN)


def test_a_doubt_that_a_close_or_time_overtook_cannot_be_accepted(apple: Asset, carol: User) -> None:
    doubt = doubt_of(apple)
    with pytest.raises(Overtaken):
        accept_quote(doubt=doubt, actor=carol, now=NOW + timedelta(days=11))
    make_bars(apple, {date(2024, 5, 31): 101})
    with pytest.raises(Overtaken):
        accept_quote(doubt=doubt, actor=carol, now=NOW)
    assert not Quote.objects.exists()


def test_without_closes_the_level_follows_the_quotes(finnhub: Answering, db: None, carol: User) -> None:
    coin = make_asset("COIN", exchange=None)
    quotes.put(coin.pk, PriceQuote("COIN", Decimal(100), NOW), source="finnhub", now=NOW)
    assert said(finnhub, coin, 40, NOW + MINUTE) == 100
    accept_quote(doubt=DoubtfulQuote.objects.get(), actor=carol, now=NOW + MINUTE)
    for number, price in enumerate((55, 80, 110), start=2):
        assert said(finnhub, coin, price, NOW + number * MINUTE) == price


def test_the_next_provider_answers_meanwhile(apple: Asset, finnhub: Answering, settings: Any, tmp_path: Path) -> None:
    settings.PRICE_PROVIDERS, settings.VAR_DIR = ["finnhub", "yahoo"], tmp_path
    with serving(fakes.yahoo()) as yahoo:
        settings.YAHOO_URL = yahoo.url
        chart = fakes.chart({}, regularMarketPrice=102.5, regularMarketTime=int(NOW.timestamp()))
        yahoo.answers[fakes.YAHOO_CHART] = as_json(chart)
        assert said(finnhub, apple, 40) == Decimal("102.5")
    assert DoubtfulQuote.objects.get().state == State.OPEN


def test_a_tick_of_a_stream_is_noted_the_same_way(apple: Asset, carol: User) -> None:
    previous = LastBar(apple.pk, date(2024, 5, 31), Decimal(101), "finnhub")

    def admitted(price: str, number: int) -> bool:
        at = NOW + timedelta(seconds=number)
        return admits(apple.pk, price=Decimal(price), at=at, provider="finnhub", previous=previous, now=at)

    assert not any(admitted("40", number) for number in range(3))
    doubt = DoubtfulQuote.objects.get()
    assert (doubt.price, doubt.previous, doubt.last_seen) == (40, 101, NOW + timedelta(seconds=2))
    accept_quote(doubt=doubt, actor=carol, now=NOW + MINUTE)
    assert admitted("39", 90)
    assert not admitted("390", 91)
    assert not admitted("NaN", 92)
    doubt.refresh_from_db()
    assert (doubt.state, doubt.price, doubt.previous) == (State.OPEN, 390, 40)


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-1", "0", "1E+999999", "1E-20"])
def test_what_is_no_price_is_not_noted(apple: Asset, price: str) -> None:
    previous = LastBar(apple.pk, date(2024, 5, 30), Decimal(100), "test")
    doubts.note(apple, price=Decimal(price), at=NOW, provider="finnhub", previous=previous, now=NOW)
    assert not DoubtfulQuote.objects.exists()


@pytest.mark.parametrize("wrong", [{"price": 0}, {"previous": -1}, {"state": "maybe"}, {"state": "accepted"}])
def test_the_database_refuses_what_is_no_doubt(apple: Asset, wrong: dict[str, Any]) -> None:
    values = {"price": 1, "at": NOW, "previous": 3, "previous_day": NOW.date(), "first_seen": NOW, "last_seen": NOW}
    with pytest.raises(IntegrityError), transaction.atomic():
        DoubtfulQuote.objects.create(asset=apple, provider="finnhub", **values | wrong)


def test_staff_sees_and_decides_over_the_api(apple: Asset, api: Callable[[User], APIClient], carol: User) -> None:
    kept, other = doubt_of(apple), doubt_of(apple, "4000", "yahoo")
    client = api(carol)
    shown = client.get(URL, {"asset": "AAPL", "provider": "finnhub", "state": "open"}).json()["results"]
    assert [(row["id"], row["asset"], row["provider"], row["currency"]) for row in shown] == [
        (kept.pk, "AAPL", "finnhub", "USD")
    ]
    assert (shown[0]["price"], shown[0]["at"], shown[0]["previous"]) == ("40", "2024-05-31T15:00:00Z", "100")
    assert client.get(URL, {"state": "nonsense"}).status_code == 400
    late = client.post(f"{URL}{kept.pk}/accept/")
    assert (late.status_code, late.json()["code"]) == (400, "overtaken"), "it is of years ago"
    rejected = client.post(f"{URL}{other.pk}/reject/")
    assert (rejected.status_code, rejected.json()["state"], rejected.json()["decided_by"]) == (200, "rejected", "carol")
    again = client.post(f"{URL}{other.pk}/reject/")
    assert (again.status_code, again.json()["code"]) == (400, "already_decided")
    assert client.post(f"{URL}987654321/accept/").status_code == 404


def test_others_do_not(apple: Asset, api: Callable[[User], APIClient], alice: User) -> None:
    kept = doubt_of(apple)
    for url in (URL, f"{URL}{kept.pk}/"):
        assert api(alice).get(url).status_code == 403
    assert api(alice).post(f"{URL}{kept.pk}/reject/").status_code == 403
    kept.refresh_from_db()
    assert kept.state == State.OPEN


def test_the_page_shows_and_decides(apple: Asset, carol: User) -> None:
    kept = doubt_of(apple)
    staff = Client()
    staff.force_login(carol)
    page = staff.get(PAGE).content.decode()
    assert "Apple &amp; &lt;Co&gt;" in page
    assert "Accept<span" in page
    answer = staff.post(PAGE, {"quote": kept.pk, "action": "reject"}, follow=True)
    assert "The price of AAPL from finnhub was rejected." in answer.content.decode()
    answer = staff.post(PAGE, {"quote": kept.pk, "action": "accept"}, follow=True)
    shown = answer.content.decode()
    assert "This price is rejected." in shown
    assert '<div class="alert alert-danger said" role="alert">' in shown, "an error looks like one"
    assert "alert-error" not in shown
    for wrong in ({"quote": "x", "action": "accept"}, {"quote": kept.pk, "action": "burn"}, {"quote": "9" * 400}):
        assert staff.post(PAGE, wrong).status_code == 400
    assert staff.post(PAGE, {"quote": "987654321", "action": "accept"}).status_code == 404


def test_a_tick_that_is_not_believed_is_shown_to_staff_and_counts_once_accepted(apple: Asset, carol: User) -> None:
    now = timezone.now()
    last = LastPrice(apple.pk, Decimal(100), date(2024, 5, 30), "test")
    tick = Tick(apple.symbol, Decimal(40), now)
    doubtful = Doubtful(Tracked(apple.pk, apple.symbol, last), tick, "finnhub")

    assert streaming.admitted([doubtful]) == []

    doubt = DoubtfulQuote.objects.get()
    assert (doubt.asset, doubt.provider, doubt.price, doubt.previous) == (apple, "finnhub", 40, 100)
    accept_quote(doubt=doubt, actor=carol)
    near = replace(doubtful, tick=replace(tick, price=Decimal(41)))
    assert streaming.admitted([near]) == [near]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("seconds", "shown"), [(-1, 41), (0, 41), (1, 60)])
def test_an_admitted_tick_takes_the_place_of_older_ones_alone(
    apple: Asset, carol: User, seconds: int, shown: int
) -> None:
    """A tick that was believed meanwhile stands where it is newer, and its day goes on where it is not."""
    now = timezone.now() - MINUTE
    before = Tracked(apple.pk, apple.symbol, LastPrice(apple.pk, Decimal(100), date(2024, 5, 30), "test"))
    accept_quote(doubt=doubt_of(apple, at=now), actor=carol)
    streamer = streaming.Streamer("tests")
    streamer.board[apple.symbol] = before.moved(Tick(apple.symbol, Decimal(60), now + timedelta(seconds=seconds)), "x")
    streamer._doubtful[apple.pk] = Doubtful(before, Tick(apple.symbol, Decimal(41), now), "finnhub")
    asyncio.run(streamer._decide())
    last = streamer.board[apple.symbol].last
    assert (last.price, last.high) == (shown, 60)
