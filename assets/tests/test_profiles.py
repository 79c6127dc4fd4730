"""Company profiles of several providers: what one does not know is filled up from the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from assets.company import FIELDS, Company, Said, merged
from assets.models import Asset, CompanyProfile
from assets.services import profiles
from assets.services.quota import Limits, spend_call
from assets.tests import fake_services as fakes
from assets.tests.factories import make_asset
from assets.tests.fake_upstream import Answering, Reply, as_json, serving
from core.testing import client_of
from users.models import User

NOW = datetime(2024, 5, 31, 20, tzinfo=UTC)
DAY = timedelta(days=1)
DETAILS = "/v3/reference/tickers/AAPL"
POLYGON = {
    "ticker": "AAPL",
    "name": "Apple Inc.",
    "locale": "us",
    "currency_name": "usd",
    "primary_exchange": "XNAS",
    "list_date": "1980-12-12",
    "market_cap": 2.9e12,
    "branding": {"logo_url": "https://api.example/branding/logo.svg"},
}


@pytest.fixture
def upstreams(settings: Any, tmp_path: Path) -> Iterator[dict[str, Answering]]:
    """Polygon, Yahoo, Finnhub and Alpha Vantage, in this order, without limits of calls."""
    fake = {
        "polygon": Answering(answers={DETAILS: as_json({"status": "OK", "results": POLYGON})}),
        "yahoo": fakes.yahoo(),
        "finnhub": fakes.finnhub(),
        "alpha_vantage": fakes.alpha_vantage(),
    }
    settings.PRICE_PROVIDERS, settings.VAR_DIR = list(fake), tmp_path
    with ExitStack() as stack:
        for name, each in fake.items():
            stack.enter_context(serving(each))
            setattr(settings, f"{name.upper()}_URL", each.url)
            setattr(settings, f"{name.upper()}_API_KEY", "key-of-the-tests")
            for span in ("SECOND", "MINUTE", "DAY"):
                setattr(settings, f"{name.upper()}_CALLS_PER_{span}", 0)
        yield fake


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


def profile_of(asset: Asset, now: datetime = NOW) -> CompanyProfile:
    profiles.refresh([asset.pk], now=now)
    return profiles.profile_of(asset, now=now)[0]


def questions(fake: Answering) -> int:
    """Without those for a cookie."""
    return sum(call.path not in ("", "/", "/v1/test/getcrumb") for call in fake.calls)


def test_each_field_is_from_the_first_that_knows_it(apple: Asset, upstreams: Mapping[str, Answering]) -> None:
    found = profile_of(apple)
    assert found.sources == {
        **dict.fromkeys(("name", "country", "currency", "exchange", "ipo", "market_cap"), "polygon"),
        **dict.fromkeys(("industry", "website", "price_earnings", "dividend_yield"), "yahoo"),
        "logo": "finnhub",
    }
    assert (found.source, found.name, found.ipo, found.market_cap) == (
        "polygon",
        "Apple Inc.",
        date(1980, 12, 12),
        Decimal("2.9E+12"),
    )
    assert (found.industry, found.website) == ("Consumer Electronics", "https://www.apple.com")
    assert (found.price_earnings, found.dividend_yield) == (Decimal("29.9"), Decimal("0.0052"))
    assert found.logo == "https://static.example/aapl.png", "one that anybody may read"
    assert not upstreams["alpha_vantage"].calls, "nothing was missing any more"


def test_a_full_profile_asks_nobody_else(apple: Asset, upstreams: Mapping[str, Answering], settings: Any) -> None:
    settings.PRICE_PROVIDERS = ["finnhub", "yahoo", "polygon"]
    assert set(profile_of(apple).sources.values()) == {"finnhub"}
    assert not upstreams["yahoo"].calls
    assert not upstreams["polygon"].calls


def test_a_logo_behind_a_key_is_better_than_none(
    apple: Asset, upstreams: Mapping[str, Answering], settings: Any
) -> None:
    settings.PRICE_PROVIDERS = ["polygon", "yahoo"]
    found = profile_of(apple)
    assert (found.logo, found.sources["logo"]) == ("https://api.example/branding/logo.svg", "polygon")
    assert "key-of-the-tests" not in found.logo


def test_who_fails_leaves_the_field_empty_or_as_it_was(apple: Asset, upstreams: Mapping[str, Answering]) -> None:
    upstreams["finnhub"].always = Reply(b"", 500)
    first = profile_of(apple)
    assert (first.logo, first.sources["logo"]) == ("https://api.example/branding/logo.svg", "polygon")
    upstreams["finnhub"].always = None
    assert profile_of(apple, NOW + DAY).sources["logo"] == "finnhub"
    for name in ("yahoo", "finnhub", "alpha_vantage"):
        upstreams[name].always = Reply(b"", 500)
    third = profile_of(apple, NOW + 2 * DAY)
    assert (third.logo, third.industry, third.sources["industry"]) == (
        "https://static.example/aapl.png",
        "Consumer Electronics",
        "yahoo",
    )
    assert (third.price_earnings, third.dividend_yield) == (None, None), "a figure of another day is no figure"
    assert third.fetched_at == NOW + 2 * DAY


def test_what_stays_is_not_asked_for_every_day(apple: Asset, upstreams: Mapping[str, Answering]) -> None:
    profile_of(apple)
    asked = {name: questions(fake) for name, fake in upstreams.items()}
    assert profile_of(apple, NOW + DAY).sources["logo"] == "finnhub"
    again = {name: questions(fake) - asked[name] for name, fake in upstreams.items()}
    assert again == {"polygon": 1, "yahoo": 1, "finnhub": 0, "alpha_vantage": 0}, "the figures come from Yahoo"


def test_filling_up_leaves_half_of_a_days_calls(
    apple: Asset, upstreams: Mapping[str, Answering], settings: Any
) -> None:
    settings.PRICE_PROVIDERS, settings.ALPHA_VANTAGE_CALLS_PER_DAY = ["polygon", "alpha_vantage"], 4
    now = timezone.now()
    for _ in range(2):
        spend_call("alpha_vantage", limits=Limits(per_day=4), now=now)
    assert "price_earnings" not in profile_of(apple, now).sources
    assert not upstreams["alpha_vantage"].calls
    settings.ALPHA_VANTAGE_CALLS_PER_DAY = 6
    assert profile_of(apple, now + DAY).sources["price_earnings"] == "alpha_vantage"


@pytest.mark.parametrize(("kind", "asked"), [("etf", True), ("fx", False), ("index", False)])
def test_only_who_may_have_them_has_fields_filled_up(
    upstreams: Mapping[str, Answering], db: None, kind: str, asked: bool
) -> None:
    profile_of(make_asset("AAPL", type=kind))
    assert bool(upstreams["yahoo"].calls) is asked
    assert questions(upstreams["polygon"]) == 1


def test_the_sources_are_told(alice: User, apple: Asset, upstreams: Mapping[str, Answering]) -> None:
    body = client_of(alice).get("/api/market/profiles/AAPL/").json()
    assert body["source"] == "polygon"
    assert set(body["sources"]) == set(FIELDS)
    assert body["sources"]["price_earnings"] == "yahoo"


def said(provider: str, locked_logo: str = "", **values: Any) -> Said:
    return Said(provider, values, locked_logo)


def test_a_market_capitalisation_is_in_the_currency_of_the_profile() -> None:
    first = said("a", currency="USD")
    foreign, stated, silent = (
        said("b", currency="GBP", market_cap=5),
        said("c", currency="USD", market_cap=6),
        said("d", market_cap=7),
    )
    assert merged([first, foreign, stated], paid_in="USD").values["market_cap"] == 6
    assert merged([first, foreign], paid_in="USD").values["market_cap"] is None
    assert merged([first, silent], paid_in="USD").sources["market_cap"] == "d"
    assert "market_cap" not in merged([first, silent], paid_in="EUR").sources
    assert merged([silent, foreign], paid_in="GBP").values["market_cap"] == 7


def test_what_is_known_stays_where_its_provider_is_silent() -> None:
    known = Company({"logo": "https://a", "price_earnings": 9}, {"logo": "a", "price_earnings": "a"})
    assert merged([said("b")], paid_in="USD", known=known).sources == {"logo": "a"}
    assert merged([said("a")], paid_in="USD", known=known).sources == {}, "it says so itself"
    assert merged([said("b", logo="https://b")], paid_in="USD", known=known).values["logo"] == "https://b"
    assert set(merged([], paid_in="USD").values) == set(FIELDS)
