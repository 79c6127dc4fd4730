"""Polygon's lists, page by page: history, splits, dividends; and company details."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from assets.providers.base import ActionNotice, AnotherSecurity, BadPayload, CompanyFacts, UnknownSymbol
from assets.providers.polygon import MOST_PAGES, Polygon
from assets.providers.transport import Bounds
from assets.tests.fake_polygon import KEY, row
from assets.tests.fake_upstream import Answering, Call, Reply, as_json, serving
from core.testing import PATIENCE

FIRST, SECOND = date(2024, 5, 30), date(2024, 5, 31)
AGGS = f"/v2/aggs/ticker/AAPL/range/1/day/{FIRST}/{SECOND}"
SPLITS, DIVIDENDS, DETAILS = "/v3/reference/splits", "/v3/reference/dividends", "/v3/reference/tickers/AAPL"


@pytest.fixture
def upstream() -> Iterator[Answering]:
    with serving(Answering()) as fake:
        yield fake


def polygon(upstream: Answering) -> Polygon:
    return Polygon(KEY, url=upstream.url, bounds=Bounds("polygon", PATIENCE, 1_000_000, lambda: None))


def page(*days: tuple[date, object], cursor: str = "", **other: object) -> dict[str, object]:
    rows = [row("AAPL", close, day=day) for day, close in days]
    answer: dict[str, object] = {"status": "OK", "ticker": "AAPL", "resultsCount": len(rows), "results": rows}
    return answer | ({"next_url": cursor} if cursor else {}) | other


def test_a_history_in_two_pages(upstream: Answering) -> None:
    """The second page is asked for at our own address: the key goes nowhere else."""
    cursor = f"https://elsewhere.example{AGGS}?cursor=two"
    second = page((SECOND, 192.25), (FIRST, 191.29))

    def answer(call: Call) -> Reply:
        return as_json(second if call.asked("cursor") else page((FIRST, 191.29), cursor=cursor))

    upstream.answers[AGGS] = answer
    bars = polygon(upstream).history("AAPL", FIRST, SECOND)
    assert [(bar.day, bar.close) for bar in bars] == [(FIRST, Decimal("191.29")), (SECOND, Decimal("192.25"))]
    assert [call.asked("cursor") for call in upstream.calls] == ["", "two"]
    assert upstream.calls[0].asked("adjusted") == "false"
    assert {call.key for call in upstream.calls} == {f"Bearer {KEY}"}


def test_a_page_that_leads_back_to_itself(upstream: Answering) -> None:
    upstream.answers[AGGS] = as_json(page((FIRST, 1), cursor=f"{AGGS}?cursor=again"))
    with pytest.raises(BadPayload, match="leads back to itself"):
        polygon(upstream).history("AAPL", FIRST, SECOND)
    assert len(upstream.calls) == 2


def test_a_cursor_without_end(upstream: Answering) -> None:
    upstream.answers[AGGS] = lambda _: as_json(page((FIRST, 1), cursor=f"{AGGS}?cursor={len(upstream.calls)}"))
    with pytest.raises(BadPayload, match=f"more than {MOST_PAGES} pages"):
        polygon(upstream).history("AAPL", FIRST, SECOND)
    assert len(upstream.calls) == MOST_PAGES


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (as_json(page((FIRST, 1), resultsCount=2)), BadPayload, "results are missing"),
        (as_json(page((FIRST, 1), (FIRST, 2))), BadPayload, "two different bars"),
        (as_json(page((FIRST, 1), ticker="MSFT")), AnotherSecurity, "is of MSFT, not of AAPL"),
        (as_json(page((FIRST, 1), next_url=17)), BadPayload, "leads back"),
        (as_json(page((FIRST, 1), next_url="https://[")), BadPayload, "address of a further page"),
        (as_json({"status": "NOT_FOUND", "message": "Ticker not found."}, 404), UnknownSymbol, "NOT_FOUND"),
    ],
)
def test_pages_that_are_not_as_documented(
    upstream: Answering, answer: Reply, error: type[Exception], message: str
) -> None:
    upstream.answers[AGGS] = answer
    with pytest.raises(error, match=message):
        polygon(upstream).history("AAPL", FIRST, SECOND)


def test_a_further_page_that_is_refused(upstream: Answering) -> None:
    cursor = f"{AGGS}?cursor=two"
    first = as_json(page((FIRST, 1), cursor=cursor))
    upstream.answers[AGGS] = lambda call: Reply(b"gone", 410) if call.asked("cursor") else first
    with pytest.raises(BadPayload, match="HTTP 410"):
        polygon(upstream).history("AAPL", FIRST, SECOND)


SPLIT = {"execution_date": "2024-05-30", "split_from": 1, "split_to": 10, "ticker": "AAPL", "id": "E1"}
DIVIDEND = {
    "ex_dividend_date": "2024-05-31",
    "cash_amount": 0.25,
    "currency": "USD",
    "pay_date": "2024-06-13",
    "dividend_type": "CD",
    "ticker": "AAPL",
}


def test_splits_and_dividends(upstream: Answering) -> None:
    def answer(call: Call) -> Reply:
        cursor = {} if call.asked("cursor") else {"next_url": f"{SPLITS}?cursor=two"}
        return as_json({"status": "OK", "results": [SPLIT]} | cursor)

    upstream.answers[SPLITS] = answer
    upstream.answers[DIVIDENDS] = as_json({"status": "OK", "results": [DIVIDEND]})
    assert polygon(upstream).actions("AAPL", FIRST, SECOND) == [
        ActionNotice("AAPL", "split", FIRST, "E1", ratio=Decimal(10)),
        ActionNotice(
            *("AAPL", "cash_dividend", SECOND, "CD AAPL 2024-05-31"),
            cash=Decimal("0.25"),
            currency="USD",
            pay_date=date(2024, 6, 13),
        ),
    ]
    assert upstream.calls[0].asked("execution_date.gte") == str(FIRST)
    assert upstream.calls[-1].asked("ex_dividend_date.lte") == str(SECOND)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ticker": "MSFT"}, AnotherSecurity),
        ({"split_from": 0}, BadPayload),
        ({"split_to": "ten"}, BadPayload),
        ({"execution_date": "30.5.2024"}, BadPayload),
    ],
)
def test_actions_that_cannot_be(upstream: Answering, change: dict[str, object], error: type[Exception]) -> None:
    upstream.answers[SPLITS] = as_json({"status": "OK", "results": [SPLIT | change]})
    upstream.answers[DIVIDENDS] = as_json({"status": "OK", "results": []})
    with pytest.raises(error, match=r"^polygon: "):
        polygon(upstream).actions("AAPL", FIRST, SECOND)


def test_company_details(upstream: Answering) -> None:
    details = {
        "ticker": "AAPL",
        "name": "Apple Inc.",
        "locale": "us",
        "currency_name": "usd",
        "primary_exchange": "XNAS",
        "list_date": "1980-12-12",
        "market_cap": 2.948e12,
        "sic_description": "ELECTRONIC COMPUTERS",
        "homepage_url": "https://www.apple.com",
        "branding": {"logo_url": "https://api.example/branding/logo.svg", "icon_url": "https://api.example/icon.png"},
    }
    upstream.answers[DETAILS] = as_json({"status": "OK", "results": details})
    assert polygon(upstream).profile("AAPL") == CompanyFacts(
        "AAPL",
        name="Apple Inc.",
        country="US",
        currency="USD",
        exchange="XNAS",
        ipo=date(1980, 12, 12),
        market_cap=Decimal("2.948E+12"),
        industry="ELECTRONIC COMPUTERS",
        logo="https://api.example/branding/logo.svg",
        website="https://www.apple.com",
        logo_needs_key=True,
    )
    branding: tuple[object, ...] = (None, [], {"logo_url": 7}, {"logo_url": "javascript:alert(1)"})
    for odd in branding:
        upstream.answers[DETAILS] = as_json({"status": "OK", "results": details | {"branding": odd}})
        found = polygon(upstream).profile("AAPL")
        assert (found.logo, found.logo_needs_key) == ("", False)
    upstream.answers[DETAILS] = as_json({"status": "OK", "results": details | {"ticker": "MSFT"}})
    with pytest.raises(AnotherSecurity):
        polygon(upstream).profile("AAPL")


def test_a_symbol_stays_one_part_of_the_address(upstream: Answering) -> None:
    with pytest.raises(BadPayload):
        polygon(upstream).history("A/../../v3", FIRST, SECOND)
    assert upstream.calls[0].path == f"/v2/aggs/ticker/A%2F..%2F..%2Fv3/range/1/day/{FIRST}/{SECOND}"
