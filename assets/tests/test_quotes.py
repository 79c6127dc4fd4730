"""Quotes and profiles: kept for a while, asked for once however many read, old ones shown meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from assets import quotes, tasks
from assets.company import FIELDS
from assets.models import Asset, CompanyProfile, CorporateAction, DoubtfulQuote, ProviderState, Quote
from assets.providers.base import PriceQuote
from assets.services import profiles
from assets.services import quotes as service
from assets.services.quotes import NoPrice, last_price
from assets.tests import fake_services as fakes
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_upstream import Answering, Reply, as_json, serving
from assets.tests.racing import just_after
from core.testing import PATIENCE, client_of, make_user
from users.models import User

KEY = "key-of-the-tests"
NOW = datetime(2024, 5, 31, 20, 1, tzinfo=UTC)  # a minute after the quote of the fake
MINUTE = timedelta(minutes=1)
LOOK = 'UPDATE "assets_quote"'  # which finds no row yet
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def open_postbox() -> Iterator[None]:
    """Another test's broken broker is forgotten."""
    tasks.postbox.closed_until = 0.0
    yield
    tasks.postbox.closed_until = 0.0


@pytest.fixture
def finnhub(settings: Any) -> Iterator[Answering]:
    """Finnhub alone, with a key entered and no limit of calls."""
    with serving(fakes.finnhub()) as fake:
        settings.PRICE_PROVIDERS = ["finnhub"]
        settings.FINNHUB_URL, settings.FINNHUB_API_KEY = fake.url, KEY
        settings.FINNHUB_CALLS_PER_SECOND = settings.FINNHUB_CALLS_PER_MINUTE = 0
        settings.FINNHUB_TIMEOUT = PATIENCE
        yield fake


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL", sector="Technology", exchange=make_exchange("XNYS"))


def answer_price(finnhub: Answering, price: float, at: datetime = NOW) -> None:
    finnhub.answers["/quote"] = as_json(fakes.FINNHUB_QUOTE | {"c": price, "t": int(at.timestamp())})


def price_of(asset: Asset, now: datetime = NOW) -> Decimal:
    return last_price(asset, now=now)[0].price


def keep(asset: Asset, price: str, at: datetime = NOW, **figures: Any) -> None:
    quote = PriceQuote(asset.symbol, Decimal(price), at, **figures)
    quotes.put(asset.pk, quote, source="test", now=at)


# --- how long, and who is asked -----------------------------------------------------------------------------------


def test_the_first_reader_asks_and_the_minute_after_nobody(apple: Asset, finnhub: Answering) -> None:
    found, due = last_price(apple, now=NOW)
    assert (found.price, found.source, found.is_quote, due) == (Decimal("192.25"), "finnhub", True, False)
    assert (found.change, found.percent_change, found.previous_close) == tuple(
        map(Decimal, ("0.96", "0.5018", "191.29"))
    )
    assert (found.high, found.low, found.open) == tuple(map(Decimal, ("192.57", "189.91", "191.44")))
    assert (found.at, found.age(NOW)) == (datetime(2024, 5, 31, 20, tzinfo=UTC), MINUTE)
    for seconds in (1, 30, 59.9):
        assert last_price(apple, now=NOW + timedelta(seconds=seconds))[1] is False
    assert len(finnhub.calls) == 1


def test_an_older_quote_is_answered_as_it_is_and_due(apple: Asset, finnhub: Answering) -> None:
    price_of(apple)
    answer_price(finnhub, 200.5, NOW + MINUTE)
    found, due = last_price(apple, now=NOW + MINUTE)
    assert (found.price, due, len(finnhub.calls)) == (Decimal("192.25"), True, 1)
    assert service.refresh([apple.pk], now=NOW + MINUTE) == 1
    assert price_of(apple, NOW + MINUTE) == Decimal("200.5")
    assert service.refresh([apple.pk], now=NOW + MINUTE) == 0, "it is fresh now"
    assert len(finnhub.calls) == 2


def test_the_life_of_a_quote_is_a_setting(apple: Asset, finnhub: Answering, settings: Any) -> None:
    settings.QUOTE_TTL = timedelta(seconds=5)
    price_of(apple)
    assert last_price(apple, now=NOW + timedelta(seconds=4))[1] is False
    assert last_price(apple, now=NOW + timedelta(seconds=5))[1] is True


def test_a_provider_that_fails_leaves_the_last_close_and_is_left_alone(apple: Asset, finnhub: Answering) -> None:
    make_bars(apple, {date(2024, 5, 29): 190, date(2024, 5, 30): "191.29"}, source="polygon", high=Decimal(192))
    finnhub.always = Reply(b"", 500)
    found, due = last_price(apple, now=NOW)
    assert (found.price, found.day, found.source, found.is_quote) == (
        Decimal("191.29"),
        date(2024, 5, 30),
        "polygon",
        False,
    )
    assert (found.change, found.previous_close, found.high) == (Decimal("1.29"), Decimal(190), Decimal(192))
    assert found.at == datetime(2024, 5, 30, 20, tzinfo=UTC), "the close of the session"
    calls = len(finnhub.calls)
    assert not due
    assert price_of(apple, NOW + timedelta(seconds=14)) == Decimal("191.29")
    assert len(finnhub.calls) == calls, "the wait is not over"
    finnhub.always = None
    assert price_of(apple, NOW + timedelta(seconds=16)) == Decimal("192.25")


def test_an_old_quote_outlives_a_provider_that_fails(apple: Asset, finnhub: Answering) -> None:
    price_of(apple)
    finnhub.always = Reply(b"", 500)
    assert service.refresh([apple.pk], now=NOW + MINUTE) == 1
    found, due = last_price(apple, now=NOW + MINUTE)
    assert (found.price, due) == (Decimal("192.25"), False), "due again after the wait"
    assert last_price(apple, now=NOW + 2 * MINUTE)[1] is True


def test_what_nobody_knows_has_no_price(apple: Asset, finnhub: Answering) -> None:
    finnhub.answers["/quote"] = as_json(fakes.FINNHUB_NOBODY)
    with pytest.raises(NoPrice, match="No provider knows a price of AAPL"):
        last_price(apple, now=NOW)
    with pytest.raises(NoPrice):
        last_price(apple, now=NOW + MINUTE)
    assert len(finnhub.calls) == 1


@pytest.mark.parametrize("wrong", [{"c": 0, "t": 1}, {"c": -3}, {"c": 1e30}, {"t": int(NOW.timestamp()) + 3600}])
def test_a_quote_that_is_none_is_not_kept(apple: Asset, finnhub: Answering, wrong: dict[str, Any]) -> None:
    finnhub.answers["/quote"] = as_json(fakes.FINNHUB_QUOTE | wrong)
    with pytest.raises(NoPrice):
        last_price(apple, now=NOW)
    row = Quote.objects.get()
    assert (row.price, row.fetched_at, row.lease_until) == (None, None, None)


def test_who_holds_the_lease_and_dies_is_succeeded(apple: Asset, finnhub: Answering, settings: Any) -> None:
    settings.QUOTE_WAIT = timedelta(seconds=0.1)
    Quote.objects.create(asset=apple, lease_until=NOW + timedelta(seconds=30))
    with pytest.raises(NoPrice):
        last_price(apple, now=NOW)
    assert not finnhub.calls
    assert price_of(apple, NOW + timedelta(seconds=30)) == Decimal("192.25")


@pytest.mark.parametrize(
    ("price", "believed"), [(95.6, False), (95.7, True), (286.9, True), (287, False), (1.9, False)]
)
def test_a_quote_too_far_from_the_last_close_is_not_believed(
    apple: Asset, finnhub: Answering, price: float, believed: bool
) -> None:
    make_bars(apple, {date(2024, 5, 30): "191.29"})
    answer_price(finnhub, price)
    found = last_price(apple, now=NOW)[0]
    assert (found.price, found.is_quote) == ((Decimal(str(price)), True) if believed else (Decimal("191.29"), False))


def test_the_next_provider_is_asked_where_a_quote_is_not_believed(
    apple: Asset, finnhub: Answering, settings: Any, tmp_path: Path
) -> None:
    make_bars(apple, {date(2024, 5, 30): "191.29"})
    answer_price(finnhub, 19225)
    settings.PRICE_PROVIDERS, settings.VAR_DIR = ["finnhub", "yahoo"], tmp_path
    with serving(fakes.yahoo()) as yahoo:
        settings.YAHOO_URL = yahoo.url
        found = last_price(apple, now=NOW)[0]
    assert (found.price, found.source) == (Decimal("192.25"), "yahoo")
    assert ProviderState.objects.get(pk="finnhub").errors == 0, "it may well be right"


def test_a_split_explains_the_jump_of_a_quote(apple: Asset, finnhub: Answering) -> None:
    make_bars(apple, {date(2024, 5, 30): "769"})
    CorporateAction.objects.create(asset=apple, kind="split", ex_date=date(2024, 5, 31), ratio=4, per=1)
    assert price_of(apple) == Decimal("192.25")


def test_without_a_close_a_quote_is_held_against_the_last_one(apple: Asset, finnhub: Answering) -> None:
    """So is that of a currency or a coin that trades without a break; an old one says nothing."""
    keep(apple, "100", NOW - timedelta(days=2))
    service.refresh([apple.pk], now=NOW)
    assert price_of(apple) == 100
    Quote.objects.all().delete()
    keep(apple, "100", NOW - timedelta(days=12))
    service.refresh([apple.pk], now=NOW)
    assert price_of(apple) == Decimal("192.25")


@pytest.mark.parametrize("last", ["close", "quote"])
@pytest.mark.parametrize(("price", "believed"), [(1000, True), (1001, False), (10, True), (9.9, False)])
def test_against_an_old_price_only_an_absurd_quote_is_not_believed(
    apple: Asset, finnhub: Answering, last: str, price: float, believed: bool
) -> None:
    if last == "close":
        make_bars(apple, {date(2024, 1, 31): 100})
    else:
        keep(apple, "100", NOW - timedelta(days=120))
    answer_price(finnhub, price)
    service.refresh([apple.pk], now=NOW)
    assert price_of(apple) == (Decimal(str(price)) if believed else 100)
    assert DoubtfulQuote.objects.count() == (not believed)


@pytest.mark.parametrize(
    ("previous", "price", "believed"),
    [
        *((None, "5", True), ("100", "150", True), ("100", "150.01", False), ("100", "50", True)),
        *(("100", "49.99", False), ("100", "NaN", False), ("100", "1E+999999", False), (None, "-1", False)),
    ],
)
def test_what_is_believable(previous: str | None, price: str, believed: bool) -> None:
    assert quotes.believable(None if previous is None else Decimal(previous), Decimal(price)) is believed


# --- what is the last price ---------------------------------------------------------------------------------------


def test_a_close_of_a_later_day_goes_before_a_quote(apple: Asset) -> None:
    keep(apple, "190", NOW - timedelta(days=1))
    make_bars(apple, {date(2024, 5, 30): 191})
    assert quotes.get([apple.pk], NOW).by_asset[apple.pk].price == 190, "of the same day, the quote"
    make_bars(apple, {date(2024, 5, 31): 192})
    assert quotes.get([apple.pk], NOW).by_asset[apple.pk].price == 192
    assert quotes.quoted([apple.pk], NOW).by_asset[apple.pk].price == 190


def test_the_official_close_goes_before_what_was_quoted_during_its_day(apple: Asset) -> None:
    closing = datetime(2024, 5, 31, 20, tzinfo=UTC)
    make_bars(apple, {date(2024, 5, 31): 192})
    for minutes, price in ((-1, 192), (0, 190), (30, 190)):
        keep(apple, "190", closing + minutes * MINUTE)
        assert quotes.get([apple.pk], NOW).by_asset[apple.pk].price == price, minutes


def test_what_was_quoted_before_a_split_is_divided(apple: Asset) -> None:
    keep(apple, "190", NOW, previous_close=Decimal(180))
    make_bars(apple, {date(2024, 5, 29): 180, date(2024, 5, 30): 190})
    CorporateAction.objects.create(asset=apple, kind="split", ex_date=date(2024, 6, 3), ratio=4, per=1)
    found = quotes.get([apple.pk], NOW).by_asset[apple.pk]
    assert (found.price, found.previous_close, found.change) == (Decimal("47.5"), None, None)
    Quote.objects.all().delete()
    found = quotes.get([apple.pk], NOW).by_asset[apple.pk]
    assert (found.price, found.previous_close, found.change) == tuple(map(Decimal, ("47.5", "45", "2.5")))
    make_bars(apple, {date(2024, 6, 3): 48})
    found = quotes.get([apple.pk], NOW).by_asset[apple.pk]
    assert (found.price, found.previous_close, found.change) == tuple(map(Decimal, ("48", "47.5", "0.5")))


@pytest.mark.parametrize(
    ("code", "zone", "at", "shown"),
    [
        pytest.param("XASX", "Australia/Sydney", datetime(2024, 1, 16, 23, 15, tzinfo=UTC), "10.1", id="the new day"),
        pytest.param("XASX", "Australia/Sydney", datetime(2024, 1, 16, 4, tzinfo=UTC), "1.01", id="the day before"),
        pytest.param("XNYS", "America/New_York", datetime(2024, 1, 17, 0, 30, tzinfo=UTC), "1.01", id="after hours"),
        pytest.param(
            "XNYS", "America/New_York", datetime(2024, 1, 17, 14, 31, tzinfo=UTC), "10.1", id="after the open"
        ),
    ],
)
def test_a_quote_is_of_the_day_at_its_exchange(db: None, code: str, zone: str, at: datetime, shown: str) -> None:
    asset = make_asset("SPLT", exchange=make_exchange(code, time_zone=zone))
    make_bars(asset, {date(2024, 1, 15): 101})
    CorporateAction.objects.create(asset=asset, kind="split", ex_date=date(2024, 1, 17), ratio=10, per=1)
    keep(asset, "10.1", at)
    found = quotes.get([asset.pk], at + MINUTE).by_asset[asset.pk]
    assert (found.price, found.is_quote) == (Decimal(shown), True)
    assert found.day == at.astimezone(ZoneInfo(zone)).date()


def test_an_older_answer_never_replaces_a_newer_one(apple: Asset) -> None:
    keep(apple, "191", NOW)
    late = PriceQuote("AAPL", Decimal(150), NOW - MINUTE)
    assert quotes.put(apple.pk, late, source="delayed", now=NOW + MINUTE) is False
    row = Quote.objects.get()
    assert (row.price, row.source, row.fetched_at) == (Decimal(191), "test", NOW + MINUTE)


@pytest.mark.parametrize("after", range(2))
def test_a_quote_is_not_lost_to_a_row_that_is_made_meanwhile(apple: Asset, after: int) -> None:
    made = partial(Quote.objects.create, asset=apple, price=150, at=NOW - MINUTE, fetched_at=NOW)
    with just_after(LOOK, made, earlier=after):
        keep(apple, "191")
    assert Quote.objects.get().price == 191


def test_figures_that_lack_are_filled_in_and_absurd_ones_left_out(apple: Asset) -> None:
    keep(apple, "99", previous_close=Decimal(90), high=Decimal("NaN"), low=Decimal("1e40"), open=Decimal(-1))
    row = Quote.objects.get()
    assert (row.change, row.percent_change, row.high, row.low, row.open) == (Decimal(9), Decimal(10), None, None, None)
    keep(apple, "0.12345678901234567", NOW + MINUTE)
    assert Quote.objects.get().price == Decimal("0.1234567890")


@pytest.mark.parametrize("wrong", [{"price": -1}, {"price": 0}, {"high": 0}, {"at": None}, {"price": None}])
def test_the_database_refuses_what_is_no_quote(apple: Asset, wrong: dict[str, Any]) -> None:
    values = {"price": 1, "at": NOW, "fetched_at": NOW} | wrong
    with pytest.raises(IntegrityError), transaction.atomic():
        Quote.objects.create(asset=apple, **values)
    assert not Quote.objects.exists()


def test_many_prices_take_three_queries(apple: Asset, django_assert_num_queries: Any) -> None:
    others = [make_asset(f"S{number}") for number in range(5)]
    for other in others:
        make_bars(other, [1, 2])
    keep(apple, "5")
    with django_assert_num_queries(3):
        found = quotes.get([apple.pk, *(other.pk for other in others)], NOW)
    assert len(found.by_asset) == 6
    assert apple.pk not in found.due
    assert len(found.due) == 5


# --- over HTTP ----------------------------------------------------------------------------------------------------


def test_a_quote_says_its_source_and_age(alice: User, apple: Asset, finnhub: Answering) -> None:
    body = client_of(alice).get("/api/market/quotes/aapl/").json()
    assert body.pop("age_seconds") > 0
    assert body == {
        "symbol": "AAPL",
        "currency": "USD",
        "price": "192.25",
        "change": "0.96",
        "percent_change": 0.5018,
        "high": "192.57",
        "low": "189.91",
        "open": "191.44",
        "previous_close": "191.29",
        "at": "2024-05-31T20:00:00Z",
        "is_quote": True,
        "source": "finnhub",
    }


def test_a_quote_in_pence_says_so(alice: User) -> None:
    vodafone = make_asset("VOD", currency="GBP", price_factor=Decimal("0.01"))
    keep(vodafone, "760")
    row = client_of(alice).get("/api/market/quotes/?symbols=VOD").json()["results"][0]
    assert (row["price"], row["currency"]) == ("760", "GBX")


def test_a_list_of_quotes_asks_nobody_and_has_the_due_ones_asked_for(
    alice: User, apple: Asset, finnhub: Answering, celery_queue: Callable[[str], list[Any]], settings: Any
) -> None:
    make_asset("MSFT")
    make_bars(apple, {date(2024, 5, 30): "191.29"})
    client = client_of(alice)
    rows = client.get("/api/market/quotes/").json()["results"]
    assert [(row["symbol"], row["price"], row["is_quote"]) for row in rows] == [
        ("AAPL", "191.29", False),
        ("MSFT", None, None),
    ]
    assert client.get("/api/market/quotes/?symbols=aapl,NOSUCH").json()["count"] == 1
    assert client.get(f"/api/market/quotes/?symbols={','.join(map(str, range(201)))}").status_code == 400
    assert not finnhub.calls


@pytest.mark.parametrize("path", ["/api/market/quotes/NOSUCH/", "/api/market/profiles/NOSUCH/"])
def test_a_symbol_that_is_nowhere_is_a_404_with_its_name(alice: User, path: str) -> None:
    answer = client_of(alice).get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_symbol")
    assert answer.json()["detail"] == "There is no asset with the symbol “NOSUCH”."


def test_an_asset_without_any_price_is_a_404_that_says_so(alice: User, apple: Asset) -> None:
    answer = client_of(alice).get("/api/market/quotes/AAPL/")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_price")
    assert "No provider knows a price of AAPL" in answer.json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_readers_of_an_old_quote_queue_one_message(
    finnhub: Answering, celery_queue: Callable[[str], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "ASKED_LATELY", 3600)
    alice, apple = make_user("alice"), make_asset("AAPL")
    keep(apple, "190", timezone.now() - 2 * MINUTE)
    for _ in range(5):
        assert client_of(alice).get("/api/market/quotes/AAPL/").json()["price"] == "190"
    assert celery_queue("assets.refresh_quotes") == [[[apple.pk]]]
    assert not finnhub.calls


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_reads_go_on(
    finnhub: Answering, dead_broker: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "BROKER_PAUSE", 3600.0)
    alice, apple = make_user("alice"), make_asset("AAPL")
    keep(apple, "190", timezone.now() - 2 * MINUTE)
    assert client_of(alice).get("/api/market/quotes/AAPL/").json()["price"] == "190"
    assert caplog.text.count("is not queued") == 1
    assert client_of(alice).get("/api/market/quotes/AAPL/").json()["price"] == "190"
    assert caplog.text.count("is not queued") == 1, "the second reader does not even try the broker"


# --- many at once -------------------------------------------------------------------------------------------------


def test_a_row_that_another_reader_has_only_just_made_is_asked_for(apple: Asset, finnhub: Answering) -> None:
    """The other one has not taken the lease yet: whoever comes first takes it, and nobody leaves without a price."""
    with just_after(LOOK, partial(Quote.objects.create, asset=apple)):
        assert price_of(apple) == Decimal("192.25")
    assert len(finnhub.calls) == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_readers_at_once_are_one_call(finnhub: Answering, settings: Any) -> None:
    settings.QUOTE_WAIT = timedelta(seconds=PATIENCE)
    alice = make_user("alice")
    make_asset("AAPL")
    finnhub.hang()
    barrier = threading.Barrier(20)

    def read(_: int) -> tuple[int, str]:
        try:
            barrier.wait(PATIENCE)
            answer = client_of(alice).get("/api/market/quotes/AAPL/")
            return answer.status_code, answer.json().get("price")
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = pool.map(read, range(20))
        finnhub.await_call()
        time.sleep(0.5)  # in which nobody else is to call
        finnhub.release()
        assert set(answers) == {(200, "192.25")}
    assert len(finnhub.calls) == 1


READERS = """
import sys
from concurrent.futures import ThreadPoolExecutor
import django
django.setup()
from django.contrib.auth import get_user_model
from django.db import connection
from core.testing import client_of

alice = get_user_model().objects.get()

def read(_):
    try:
        return client_of(alice).get("/api/market/quotes/AAPL/").json()["price"]
    finally:
        connection.close()

print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(10) as pool:
    print(sorted(set(pool.map(read, range(10)))), flush=True)
"""


def environment_of(finnhub: Answering) -> dict[str, str]:
    return {
        "PRICE_PROVIDERS": "finnhub",
        "FINNHUB_URL": finnhub.url,
        "FINNHUB_API_KEY": KEY,
        "FINNHUB_CALLS_PER_SECOND": "0",
        "FINNHUB_CALLS_PER_MINUTE": "0",
        "FINNHUB_TIMEOUT": str(PATIENCE),
        "QUOTE_WAIT": str(PATIENCE),
        "DJANGO_SETTINGS_MODULE": "portfolio_site.settings",
        "ALLOWED_HOSTS": "testserver",
    }


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_readers_in_two_processes_are_one_call(finnhub: Answering, process_environment: dict[str, str]) -> None:
    make_user("alice")
    make_asset("AAPL")
    finnhub.hang()
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    options["env"] = process_environment | environment_of(finnhub)
    with (
        subprocess.Popen([sys.executable, "-c", READERS], **options) as one,
        subprocess.Popen([sys.executable, "-c", READERS], **options) as two,
    ):
        for process in (one, two):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        finnhub.await_call()
        time.sleep(1)  # in which nobody else is to call
        finnhub.release()
        assert [process.communicate(timeout=PATIENCE)[0] for process in (one, two)] == ["['192.25']\n"] * 2
    assert len(finnhub.calls) == 1


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_an_old_quote_is_shown_while_a_worker_asks(finnhub: Answering, celery_worker_process: Any) -> None:
    alice, apple = make_user("alice"), make_asset("AAPL")
    keep(apple, "190", timezone.now() - 2 * MINUTE)
    answer_price(finnhub, 201.5, timezone.now())
    worker = celery_worker_process(environment=environment_of(finnhub))
    client = client_of(alice)
    assert client.get("/api/market/quotes/AAPL/").json()["price"] == "190"
    deadline = time.monotonic() + PATIENCE
    while client.get("/api/market/quotes/AAPL/").json()["price"] == "190":
        assert time.monotonic() < deadline, worker.log
        time.sleep(0.05)
    assert client.get("/api/market/quotes/AAPL/").json()["price"] == "201.5"
    assert len(finnhub.calls) == 1


# --- companies ----------------------------------------------------------------------------------------------------


def test_a_profile_is_asked_for_once_a_day(alice: User, apple: Asset, finnhub: Answering) -> None:
    body = client_of(alice).get("/api/market/profiles/AAPL/").json()
    assert body.pop("fetched_at") is not None
    assert body == {
        "symbol": "AAPL",
        "name": "Apple Inc",
        "country": "US",
        "currency": "USD",
        "exchange": "NASDAQ NMS - GLOBAL MARKET",
        "ipo": "1980-12-12",
        "market_cap": "2948000500000",
        "industry": "Technology",
        "logo": "https://static.example/aapl.png",
        "website": "https://www.apple.com/",
        "price_earnings": 29.9,
        "dividend_yield": 0.0052,
        "source": "finnhub",
        "sources": dict.fromkeys(FIELDS, "finnhub"),
    }
    asked = len(finnhub.calls)
    now = timezone.now()
    assert profiles.profile_of(apple, now=now + timedelta(hours=23))[1] is False
    assert profiles.profile_of(apple, now=now + timedelta(hours=25))[1] is True
    assert profiles.refresh([apple.pk], now=now) == 0
    assert len(finnhub.calls) == asked
    assert profiles.refresh([apple.pk], now=now + timedelta(hours=25)) == 1
    assert len(finnhub.calls) == 2 * asked


def test_what_nobody_knows_of_a_company_comes_from_the_asset(apple: Asset, finnhub: Answering) -> None:
    finnhub.answers["/stock/profile2"] = as_json({})
    found, due = profiles.profile_of(apple, now=NOW)
    assert (found.name, found.currency, found.industry, found.source, due) == (
        "AAPL Inc.",
        "USD",
        "Technology",
        "",
        False,
    )
    assert profiles.profile_of(apple, now=NOW + MINUTE)[0].fetched_at is None
    assert len(finnhub.calls) == 1


def test_what_the_columns_cannot_hold_is_cut_or_left_out(apple: Asset, finnhub: Answering) -> None:
    odd = {"name": "A" * 1000, "logo": "javascript:alert(1)", "weburl": "ftp://apple", "currency": "??"}
    finnhub.answers["/stock/profile2"] = as_json(fakes.FINNHUB_PROFILE | odd | {"marketCapitalization": -5})
    profiles.profile_of(apple, now=NOW)
    row = CompanyProfile.objects.get()
    assert row.name == "A" * len(row.name)
    assert 0 < len(row.name) <= 200
    assert (row.logo, row.website, row.currency, row.market_cap) == ("", "", "", None)
