"""The admin of securities, prices and runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format

from assets.models import Asset, Exchange, HistoricValue, IngestionRun, PriceClock, PriceRevision
from assets.services.due import last_ended_session
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_polygon import FakePolygon
from core.testing import count_queries
from users.models import User

DAY = date(2024, 5, 31)
LISTS = ["exchange", "asset", "historicvalue", "pricerevision", "ingestionrun"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


@pytest.fixture
def apple(db: None) -> Asset:
    """A restated asset, with a run that is not complete."""
    asset = make_asset("AAPL", sector="Information Technology")
    make_bars(asset, {DAY: 190})
    make_bars(asset, {DAY: "192.2500"})
    IngestionRun.objects.create(
        market=make_exchange(), day=DAY, state="incomplete", missing={"AAPL": "polygon: no bar"}, message="0 of 1"
    )
    return asset


def page(admin: Client, model: str, query: str = "") -> str:
    answer = admin.get(reverse(f"admin:assets_{model}_changelist") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def act(admin: Client, model: str, action: str, *rows: Any) -> list[str]:
    """Run an action on rows; returns what it told the user."""
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    answer = admin.post(reverse(f"admin:assets_{model}_changelist"), data)
    assert answer.status_code == 302
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize("model", LISTS)
def test_lists_show_rows_in_a_constant_number_of_queries(admin: Client, apple: Asset, model: str) -> None:
    page(admin, model)  # content types are cached from then on
    few, _ = count_queries(lambda: page(admin, model))
    for number in range(8):
        other = make_asset(f"A{number}")
        make_bars(other, {DAY: 1})
        make_bars(other, {DAY: 2})
        IngestionRun.objects.create(market=make_exchange(f"X{number}"), day=DAY)
    many, texts = count_queries(lambda: page(admin, model))
    assert few == many <= 12, texts


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("asset", "192.25"),
        ("asset", "Information Technology"),
        ("historicvalue", "192.25"),
        ("pricerevision", "190"),
        ("ingestionrun", "Incomplete"),
    ],
)
def test_columns(admin: Client, apple: Asset, model: str, text: str) -> None:
    assert text in page(admin, model)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?prices=market", ["AAPL"]),
        ("?prices=simulated", ["SIMU"]),
        ("?prices=none", ["NONE"]),
        ("?prices=manual", ["NONE"]),
        ("?q=simu", ["SIMU"]),
        ("?sector=Information+Technology", ["AAPL"]),
    ],
)
def test_filters(admin: Client, apple: Asset, query: str, shown: list[str]) -> None:
    make_bars(make_asset("SIMU"), {DAY: 1}, source="simulated")
    make_asset("NONE", exchange=None)
    answer = admin.get(reverse("admin:assets_asset_changelist") + query)
    assert [asset.symbol for asset in answer.context["cl"].result_list] == shown


@pytest.mark.parametrize("model", [HistoricValue, PriceRevision, IngestionRun])
def test_facts_are_looked_at_only(admin: Client, apple: Asset, model: Any) -> None:
    row, name = model.objects.get(), model._meta.model_name
    change = reverse(f"admin:assets_{name}_change", args=[row.pk])
    assert admin.get(change).status_code == 200
    assert admin.post(change, {"close": "1"}).status_code == 403
    assert admin.get(reverse(f"admin:assets_{name}_add")).status_code == 403
    assert admin.post(reverse(f"admin:assets_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model.objects.get().pk == row.pk


def test_what_prices_mean_stays_once_there_are_prices(admin: Client, apple: Asset) -> None:
    change = reverse("admin:assets_asset_change", args=[apple.pk])
    data = {"symbol": "AAPL", "name": "Apple", "type": "equity", "sector": "Tech", "exchange": "XNYS", "isin": ""}
    answer = admin.post(change, data | {"currency": "EUR", "price_basis": "raw", "price_version": 99})
    assert answer.status_code == 302, answer.content
    apple.refresh_from_db()
    assert (apple.sector, apple.currency, apple.price_version) == ("Tech", "USD", 2)


def test_a_new_exchange_starts_today_and_its_calendar_is_checked(admin: Client, settings: Any) -> None:
    add = reverse("admin:assets_exchange_add")
    initial = admin.get(add).context["adminform"].form.initial
    assert initial["ingest_since"] == datetime.now(UTC).date()
    data = {"code": "XMAR", "name": "Mars", "time_zone": "UTC", "ingest_at": "03:00", "ingest_zone": "UTC"}
    assert "is not a calendar" in admin.post(add, data | {"calendar": "MARS"}).content.decode()
    assert admin.post(add, data | {"calendar": "24/7"}).status_code == 302
    assert Exchange.objects.get().calendar == "24/7"


def test_ingest_now_queues_what_is_missing(admin: Client, polygon: FakePolygon, celery_queue: Any) -> None:
    last = last_ended_session(make_exchange(), datetime.now(UTC))
    listed, alone = make_asset("AAPL"), make_asset("ART", exchange=None)
    Exchange.objects.update(ingest_since=last)
    told = act(admin, "asset", "ingest_now", listed, alone)
    assert told == [
        "Without an exchange, and so not fetched: ART.",
        f"Queued: XNYS {date_format(last, 'SHORT_DATE_FORMAT')}. The ingestion runs show how it went.",
    ]
    assert celery_queue("assets.ingest_day") == [["XNYS", last.isoformat()]]


def test_ingest_now_says_when_there_is_nothing_to_do_or_nobody_to_ask(
    admin: Client, settings: Any, celery_queue: Any
) -> None:
    market = make_exchange()
    asset, last = make_asset("AAPL"), last_ended_session(market, datetime.now(UTC))
    IngestionRun.objects.create(market=market, day=last, state="complete")
    market.ingest_since = last
    market.save()
    told = act(admin, "asset", "ingest_now", asset)
    assert told == [
        "No price provider is configured for XNYS.",
        "Nothing is due: every session that is over is complete or under way.",
    ]
    assert celery_queue("assets.ingest_day") == []


def test_ingest_now_with_a_wrong_calendar_says_so(admin: Client, celery_queue: Any) -> None:
    asset = make_asset("AAPL", exchange=make_exchange("XBAD", calendar="MARS"))
    assert any("“MARS” is not a calendar" in text for text in act(admin, "asset", "ingest_now", asset))
    assert celery_queue("assets.ingest_day") == []


def test_try_again_now_overrules_the_wait(admin: Client, apple: Asset, celery_queue: Any) -> None:
    IngestionRun.objects.update(next_attempt_at=datetime.now(UTC) + timedelta(days=7))
    run = IngestionRun.objects.get()
    assert "Queued: XNYS 31 May 2024." in act(admin, "ingestionrun", "try_again_now", run)[0]
    assert celery_queue("assets.ingest_day") == [["XNYS", "2024-05-31"]]
    IngestionRun.objects.update(state="complete")
    assert "Nothing is due" in act(admin, "ingestionrun", "try_again_now", run)[-1]
    assert celery_queue("assets.ingest_day") == []


def test_days_to_fetch_are_written_as_in_german(admin: Client, carol: User, apple: Asset, celery_queue: Any) -> None:
    User.objects.filter(pk=carol.pk).update(locale="de")
    assert "XNYS 31.05.2024" in act(admin, "ingestionrun", "try_again_now", IngestionRun.objects.get())[0]
    assert celery_queue("assets.ingest_day") == [["XNYS", "2024-05-31"]]


def test_without_a_broker_the_user_is_told_and_not_kept_waiting(
    admin: Client, apple: Asset, settings: Any, dead_broker: None
) -> None:
    assert act(admin, "ingestionrun", "try_again_now", IngestionRun.objects.get()) == [
        "The broker does not answer. What is due is fetched as soon as it does."
    ]


def test_the_price_clock_is_not_shown(admin: Client, apple: Asset) -> None:
    assert "priceclock" not in admin.get(reverse("admin:index")).content.decode()
    assert Decimal("192.25") == HistoricValue.objects.get().close


def change(admin: Client, model: str, row: Any, **changes: object) -> None:
    """Post the change form as it is shown, with ``changes``."""
    url = reverse(f"admin:assets_{model}_change", args=[row.pk])
    form = admin.get(url).context["adminform"].form
    shown = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    data = {name: "" if value is None else value for name, value in (shown | changes).items()}
    answer = admin.post(url, data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors


def test_a_priced_asset_keeps_its_type(admin: Client, apple: Asset) -> None:
    """As an exchange rate it would count in every portfolio, and no longer when it stops being one."""
    change(admin, "asset", apple, type="fx")
    apple.refresh_from_db()
    assert apple.type == "equity"


def test_another_exchange_or_calendar_is_news_to_readers_of_prices(admin: Client, apple: Asset) -> None:
    crypto = make_exchange("CRYPTO", calendar="24/7")
    change(admin, "asset", apple, name="Apple Inc.")
    apple.refresh_from_db()
    assert apple.price_version == 2, "a name changes no figure"
    change(admin, "asset", apple, exchange=crypto.pk)
    apple.refresh_from_db()
    assert (apple.exchange, apple.price_version) == (crypto, 3)
    change(admin, "exchange", crypto, calendar="24/5")
    apple.refresh_from_db()
    assert apple.price_version == PriceClock.read() == 4


def test_a_form_does_not_turn_the_price_version_back(admin: Client, apple: Asset) -> None:
    """A price that came after the form's row was read stays known to be new."""
    model_admin = site.get_model_admin(Asset)
    read_before = Asset.objects.get(pk=apple.pk)
    make_bars(apple, {DAY: 200})
    form = model_admin.get_form(_request(admin), read_before, change=True)(instance=read_before)
    form.changed_data = ["name"]
    read_before.name = "Apple Inc."
    model_admin.save_model(_request(admin), read_before, form, change=True)
    apple.refresh_from_db()
    assert (apple.name, apple.price_version) == ("Apple Inc.", 3)


def _request(admin: Client) -> Any:
    return admin.get(reverse("admin:index")).wsgi_request
