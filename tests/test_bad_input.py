"""Nasty bodies, fields and queries on every endpoint: a clear problem, nothing stored, never a 5xx."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from banking.models import CashTransaction
from core.testing import PASSWORD, client_of
from tests.endpoints import PARAMETER, Endpoint, endpoints
from tests.rows import every_row, unchanged, writes
from tests.world import ARRIVED, CHECKING, FIRM, LEFT, SAVINGS, SECRET, SPARE, World
from users.models import User

# The address says it all; a body is not read.
BODILESS = {"trade-restore", "method-restore", "action-restore", "live-ticket"}
BODILESS |= {"quarantine-accept", "quarantine-reject", "proposal-accept", "proposal-ignore"}
BODILESS |= {"cash-restore", "recategorisation-undo"}
BODILESS |= {"rebalance-undo", "doubtful-quote-accept", "doubtful-quote-reject"}
BODILESS |= {"account-reopen", "assertion-restore"}
BODILESS |= {"transfer-restore", "transfer-unmatch", "transfer-match-unique"}
BODILESS |= {"possession-keep"}
BODILESS |= {"schedule-pause", "schedule-resume"}
BODILESS |= {"import-commit", "import-undo"}
UPLOADS = {"price-list", "price-list-preview", "import-list"}  # files; their own tests have what is wrong with those
OPTIONAL = {
    "account-close",
    "asset-backfill",
    "portfolio-rebalance",
    "rebalance-book",
}  # every field may be left out, and so may the body
MIXED = {"factor-set-returns"}  # takes a form with a file, too
WRITES = [
    (endpoint, method)
    for endpoint in endpoints()
    for method in endpoint.methods
    if method in {"post", "patch", "put"}
    and endpoint.route.startswith("api/")
    and endpoint.name not in BODILESS | UPLOADS
]
READS = [
    endpoint
    for endpoint in endpoints()
    if endpoint.route.startswith("api/") and "get" in endpoint.methods and endpoint.name != "schema"  # which takes long
]
write_ids = [f"{method} {endpoint.route}" for endpoint, method in WRITES]
every_write = pytest.mark.parametrize(("endpoint", "method"), WRITES, ids=write_ids)

CASH: dict[str, Any] = {
    "account": SAVINGS,
    "booked_on": "2024-01-05",
    "amount": "-12.50",
    "section": "expense",
    "description": "a note",
    "category": "Food",
    "counterparty": "A shop",
    "tags": ["trip"],
    "asset": "AAPL",
    "external_id": "x1",
}
TRADE: dict[str, Any] = {
    "kind": "buy",
    "asset": "AAPL",
    "quantity": "2",
    "price": "100.50",
    "traded_at": "2024-01-04T15:00:00Z",
    "currency": "USD",
    "fee": "1",
    "tax": "0.5",
    "exchange_rate": "1",
    "account": None,
    "external_id": "x1",
    "note": "a note",
    "lots": [],
}
PORTFOLIO = {"name": "Growth", "description": "", "base_currency": "USD", "cost_method": "fifo", "cash": "untracked"}
PORTFOLIO |= {"benchmark": "AAPL"}
ASSET = {"symbol": "NEW", "name": "New Inc.", "type": "equity", "sector": "Energy", "exchange": "XNYS"}
ASSET |= {"currency": "USD", "isin": "US0378331005", "price_basis": "raw", "delisted_on": "2030-01-01"}
OPTIMISATION: dict[str, Any] = {
    "objective": "target_return",
    "estimator": "ewma",
    "window": 252,
    "as_of": None,
    "target": "0.05",
    "level": "0.9",
    "risk_free": "0.01",
    "lower": "0",
    "upper": 0.9,
    "assets": [{"asset": "AAPL", "lower": "0.1", "upper": "0.8"}],
    "sectors": [{"sector": "Technology", "minimum": "0.1", "maximum": "0.9"}],
    "turnover": "0.5",
    "views": [{"asset": "AAPL", "against": "MSFT", "earns": "0.1", "confidence": "0.5"}],
    "market": "equal",
    "extra": ["MSFT"],
    "lookback": 126,
    "cost": "0.002",
}
LOGIN = {"username": "alice", "password": PASSWORD, "grant_type": "password", "scope": "", "client_id": ""}
OPENING: dict[str, Any] = {
    "organisation": FIRM,
    "investments": [{"asset": "AAPL", "quantity": "1", "unit_cost": "90", "opened_on": "2024-01-02"}],
}

GOAL = {"name": "House", "amount": "100000.50", "currency": "EUR", "due_on": "2061-01-01", "start_on": "2024-01-01"}

SHOCKS = [{"target": "asset", "key": "AAPL", "size": "-0.3"}, {"target": "all", "key": "", "size": "0.1"}]

RULE: dict[str, Any] = {
    "name": "Shops",
    "active": True,
    "words": ["rewe", "café"],
    "amount_min": "1",
    "amount_max": "99.50",
    "signed": False,
    "account": SAVINGS,
    "section": "expense",
    "counterparty": "Shop 0",
    "iban": "",
    "category": "Kind 0",
    "set_counterparty": None,
    "tags": ["tag 0"],
}

# A body that each endpoint accepts; an endpoint that is missing here fails the test below.
VALID: dict[str, dict[str, Any]] = {
    "post account-list": {
        "name": "Card",
        "kind": "credit",
        "currency": "EUR",
        "iban": "my card",
        "balance": "10.5",
        "opened_on": "2024-01-02",
        "organisation": None,
        "employer": None,
        "receives": True,
    },
    "patch account-detail": {
        "name": "Other",
        "iban": "CH93 0076 2011 6238 5295 7",
        "receives": False,
        "employer": None,
    },
    "post assertion-list": {"day": "2024-01-31", "balance": "-12.5"},
    "post category-list": {"section": "expense", "name": "Cinema", "parent": None, "organisation": None},
    "patch category-detail": {"name": "Theatre", "parent": None},
    "post counterparty-list": {"name": "Landlord", "iban": "CH93 0076 2011 6238 5295 7", "organisation": None},
    "patch counterparty-detail": {"name": "Landlady", "iban": "handle"},
    "post tag-list": {"name": "Journey", "organisation": None},
    "post account-close": {"closed_on": "2025-01-02"},
    "post risk-flag-decide": {"state": "acknowledged", "note": "known"},
    "post category-merge": {"into": SPARE},
    "post counterparty-merge": {"into": SPARE},
    "post possession-list": {
        "name": "House",
        "kind": "property",
        "currency": "CHF",
        "organisation": None,
        "value": "250000.50",
        "day": "2024-01-02",
    },
    "patch possession-detail": {"name": "Flat", "kind": "vehicle"},
    "post possession-dispose": {"disposed_on": "2024-02-01"},
    "post valuation-list": {"day": "2024-02-01", "value": "260000", "note": "a note"},
    "post tag-merge": {"into": SPARE},
    "patch tag-detail": {"name": "Voyage"},
    "post portfolio-list": PORTFOLIO | OPENING,
    "patch portfolio-detail": PORTFOLIO,
    "post trade-list": TRADE,
    "patch trade-detail": TRADE,
    "post trade-preview": TRADE,
    "put portfolio-targets": {"targets": [{"asset": "AAPL", "weight": "0.5"}], "cash": "0.1", "threshold": "0.1"},
    "put provider-key": {"key": "0123456789abcdef"},
    "post method-list": {"method": "average", "day": "2024-01-04"},
    "post goal-list": GOAL,
    "patch goal-detail": GOAL,
    "post method-preview": {"method": "average", "day": "2024-01-04"},
    "post action-list": {"kind": "split", "ex_date": "2024-01-05", "ratio": "2", "per": "1", "note": ""},
    "post portfolio-rebalance": {
        "targets": [{"asset": "AAPL", "weight": "0.5", "lot_size": "1"}],
        "cash": "0.1",
        "mode": "full",
        "amount": "50",
        "use_cash": True,
        "threshold": "0.05",
        "reach": "target",
        "units": "whole",
        "minimum": "10",
        "fee_flat": "1",
        "fee_rate": "0.001",
        "keep_others": False,
        "short_rate": "0.3",
        "long_rate": "0.15",
        "objective": "tax",
        "save": True,
    },
    "post rebalance-book": {"accept_prices": True},
    "post asset-list": ASSET,
    "post asset-history": {
        "day": "2024-01-09",
        "close": "104.5",
        "open": "104",
        "high": "105",
        "low": "103.5",
        "volume": "7",
        "confirmed": False,
    },
    "put bond": {
        "issued": "2024-02-15",
        "matures": "2034-02-15",
        "coupon": "0.04",
        "frequency": 2,
        "day_count": "act/act",
        "redemption": "100",
    },
    "post deposit-list": {
        "name": "A year",
        "returns_to": SAVINGS,
        "principal": "1000.50",
        "rate": "0.03",
        "started_on": "2024-01-02",
        "matures_on": "2060-01-02",
        "day_count": "act/365",
    },
    "post transfer-list": {
        "source": SAVINGS,
        "target": CHECKING,
        "amount": "10.50",
        "rate": "1",
        "received": "10.50",
        "booked_on": "2024-01-04",
        "note": "a note",
        "category": None,
        "target_iban": "",
        "target_name": "",
    },
    "post transfer-match": {"sent": LEFT, "received": ARRIVED},
    "post transfer-refuse": {"sent": LEFT, "received": ARRIVED},
    "post schedule-list": {
        "source": SAVINGS,
        "target": None,
        "target_iban": "DE89370400440532013000",
        "target_name": "Landlord",
        "amount": "10.50",
        "category": None,
        "description": "a note",
        "first_on": "2060-01-31",
        "unit": "month",
        "interval": 2,
        "until": "2061-01-31",
        "count": 5,
        "weekend": "before",
    },
    "patch schedule-detail": {
        "amount": "12",
        "description": "a note",
        "category": None,
        "until": "2061-01-31",
        "count": 5,
    },
    "post schedule-skip": {"due_on": "2060-02-29"},
    "post schedule-run": {"due_on": "2060-02-29"},
    "post cash-list": CASH,
    "patch cash-detail": CASH,
    "post cash-split": {
        "parts": [{"category": "Food", "amount": "-7", "note": ""}, {"category": "Home", "amount": "-3"}]
    },
    "post cash-categorise": {
        "filter": {"account": str(SAVINGS), "section": "expense"},
        "category": "Food",
        "counterparty": None,
        "tags": ["trip"],
    },
    "post budget-list": {
        "category": "Food",
        "amount": "300",
        "currency": "EUR",
        "first_month": "2024-01",
        "last_month": "2024-12",
        "carries_over": True,
    },
    "patch budget-detail": {"amount": "300", "first_month": "2024-01", "last_month": None, "carries_over": True},
    "post recurring-dismiss": {"key": "0" * 64, "account": SAVINGS},
    "post recurring-restore": {"key": "0" * 64, "account": SAVINGS},
    "post rule-list": RULE,
    "patch rule-detail": RULE,
    "post rule-preview": RULE | {"since": "2023-01-01"},
    "post rule-move": {"place": 0},
    "post rule-apply": {"since": "2023-01-01", "rule": None},
    "post asset-backfill": {"start": "2024-01-02"},
    "post organisation-list": {"name": "Beta", "base_currency": "EUR"},
    "patch organisation-detail": {"name": "Beta", "base_currency": "EUR"},
    "patch member-detail": {"role": "manager"},
    "post invitation-list": {"email": "fay@example.org", "role": "member"},
    "post invitation-accept": {"secret": SECRET},
    "post portfolio-share-list": {"person": "staff", "role": "editor"},
    "patch portfolio-share-detail": {"role": "editor"},
    "post account-share-list": {"person": "staff", "role": "editor"},
    "patch account-share-detail": {"role": "editor"},
    "patch profile": {"email": "a@example.org", "first_name": "A", "base_currency": "CHF", "time_zone": "UTC"},
    "post watchlist-list": {"name": "Growth stocks"},
    "patch watchlist-detail": {"name": "Growth stocks"},
    "post entry-list": {"asset": "MSFT", "note": "a note", "target_price": "12.5"},
    "patch entry-detail": {"note": "a note", "target_price": "12.5", "position": 0},
    "post scenario-list": {"name": "Rates", "description": "a note", "shocks": SHOCKS},
    "patch scenario-detail": {"name": "Rates", "description": "a note", "shocks": SHOCKS},
    "post portfolio-stress": {"shocks": SHOCKS, "as_of": "2024-02-01"},
    "post portfolio-optimise": OPTIMISATION,
    "post factor-set-list": {
        "key": "own",
        "name": "Own factors",
        "description": "",
        "source": "",
        "frequency": "monthly",
        "region": "",
        "currency": "USD",
        "factors": [{"key": "growth", "name": "Growth", "description": "", "risk_free": False}],
    },
    "post factor-set-returns": {
        "rows": [{"day": "2024-01-05", "values": {"smb": "0.01", "mkt_rf": None}}],
        "new_factors": False,
    },
    "post token": LOGIN,
    "post token-refresh": {"refresh_token": "x", "grant_type": "refresh_token"},
    "post token-revoke": {"refresh_token": "x", "grant_type": "refresh_token"},
}

BODIES = {
    "empty": b"",
    "not json": b"{",
    "array": b"[]",
    "null": b"null",
    "number": b"7",
    "text": b'"x"',
    "deep array": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "deep but closed": b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "duplicate key": b'{"name": "a", "name": "b", "quantity": "1", "quantity": "2"}',
    "NaN": b'{"name": NaN}',
    "infinity": b'{"quantity": -Infinity}',
    "huge exponent": b'{"quantity": 1e999999999}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "null character": b'{"name": "a\\u0000b"}',
    "null character in a key": b'{"\\u0000": 1}',
    "not utf-8": b'{"name": "\xff\xfe"}',
    "unknown field": b'{"colour": "red"}',
    "too large": b'{"name": "' + b"x" * 2_700_000 + b'"}',
}

VALUES: dict[str, Any] = {
    **{text: text for text in ("", " ", "NaN", "Infinity", "-1", "0", "1_000", "1e5", " 1 ", "1,5", "0x10", "None")},
    "arabic digits": "١٢",
    "full-width": "１２",
    "long": "9" * 10_000,
    "long text": "é" * 10_000,
    "many decimals": "0." + "1" * 40,
    "newline": "1\n",
    "right to left": "\u202eUSD",
    "markup": "<script>",
    "date": "2024-01-01",
    "no zone": "2024-01-01T10:00:00",
    "future": "2999-01-01T00:00:00Z",
    "year 0": "0000-01-01",
    "early": "0001-01-01T00:00:00+14:00",
    "feb 30": "2024-02-30T10:00:00Z",
    "unknown": "NOSUCH",
    "null": None,
    "true": True,
    "false": False,
    "int": 7,
    "big": 10**30,
    "negative": -7,
    "fraction": 0.1,
    "list": [],
    "list of lists": [[]],
    "list of nulls": [None],
    "object": {},
    "nested": {"a": {"b": 1}},
    "objects": [{}],
    "strange objects": [{"asset": "AAPL"}, {"asset": ["x"], "quantity": {}}],
    "numbers": [1, 2],
    "same twice": [{"asset": "AAPL", "quantity": "1"}] * 2,
}


def test_each_endpoint_has_a_valid_body() -> None:
    assert {f"{method} {endpoint.name}" for endpoint, method in WRITES} == set(VALID)


def send(world: World, endpoint: Endpoint, method: str, body: bytes, kind: str = "application/json") -> Any:
    staffs = "assets/" in endpoint.route or endpoint.route.startswith("api/factors/") or endpoint.is_for_staff
    sender = world.staff if staffs else world.owner
    client = client_of(None if "auth/" in endpoint.route else sender)
    client.raise_request_exception = False
    return getattr(client, method)(endpoint.url(world.ids), body, content_type=kind)


def assert_problem(answer: Any, statuses: set[int]) -> None:
    assert answer.status_code in statuses, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) >= {"type", "title", "status", "detail", "code"}
    assert (problem["status"], bool(problem["detail"])) == (answer.status_code, True)


@every_write
def test_bodies_that_are_no_request(endpoint: Endpoint, method: str, world: World) -> None:
    with unchanged():
        for name, body in BODIES.items():
            if name == "empty" and endpoint.name in OPTIONAL:
                continue
            answer = send(world, endpoint, method, body)
            assert_problem(answer, {413 if name == "too large" else 400})


@every_write
def test_other_kinds_of_content_and_encodings(endpoint: Endpoint, method: str, world: World) -> None:
    with unchanged():
        for kind in ("text/plain", "application/xml", "multipart/form-data", "application/x-json"):
            broken_form = endpoint.name in MIXED and kind.startswith("multipart/")
            assert_problem(send(world, endpoint, method, b"a=b", kind), {400 if broken_form else 415})
        for charset in ("utf-16", "latin-1", "bz2_codec", "nonsense"):
            assert_problem(send(world, endpoint, method, b"{}", f"application/json; charset={charset}"), {400})


def mutations(body: Any) -> Iterator[tuple[str, Any]]:
    """``body`` with one field, at any depth, replaced by a nasty value; fields beside each other share the values."""
    for place, name in enumerate(body if isinstance(body, dict) else range(len(body))):
        for label, value in islice(VALUES.items(), place % 3, None, 3):
            yield f"{name}={label}", _with(body, name, value)
        if isinstance(body[name], dict | list):
            for label, inner in mutations(body[name]):
                yield f"{name}.{label}", _with(body, name, inner)


def _with(body: Any, name: Any, value: Any) -> Any:
    return body | {name: value} if isinstance(body, dict) else [*body[:name], value, *body[name + 1 :]]


@every_write
def test_fields_of_the_wrong_kind(endpoint: Endpoint, method: str, world: World, settings: Any) -> None:
    """A value may be right for its field; then it is stored. Otherwise the field is named and nothing is."""
    settings.AXES_ENABLED = False
    before = every_row()
    for label, body in mutations(VALID[f"{method} {endpoint.name}"]):
        with transaction.atomic(), writes() as written:
            answer = send(world, endpoint, method, json.dumps(body).encode())
            assert answer.status_code < 500, f"{label}: {answer.content!r}"
            if answer.status_code >= 400:
                assert_problem(answer, {400, 401})
                assert not written or every_row() == before, label
            transaction.set_rollback(True)


def test_the_valid_bodies_are_valid(world: World) -> None:
    """So the refusals above are about the one field that was replaced."""
    for endpoint, method in WRITES:
        if endpoint.name == "token-refresh":
            continue  # needs a login; users/tests has it
        body = json.dumps(VALID[f"{method} {endpoint.name}"]).encode()
        with transaction.atomic():
            if endpoint.name == "account-close":  # which only an empty account is
                CashTransaction.objects.filter(account=SAVINGS).update(voided_at=timezone.now())
            answer = send(world, endpoint, method, body)
            assert answer.status_code in {200, 201, 202, 204}, f"{endpoint.route}: {answer.content!r}"
            transaction.set_rollback(True)


QUERIES = [
    "",
    "x",
    "-1",
    "0",
    "٣",
    "NaN",
    "1e309",
    "9" * 40,
    "2024-99-99",
    "a" * 5000,
    "%ff",
    "%f0%9f%98%80",
    "%5B%5D",
    "'",
]


EVERYWHERE = {"limit", "offset", "ordering", "format", "unknown"}  # read in one place: endpoints share the values


@pytest.mark.parametrize("endpoint", READS, ids=lambda endpoint: endpoint.route)
def test_queries_of_the_wrong_kind(endpoint: Endpoint, world: World, query_names: dict[str, list[str]]) -> None:
    client = client_of(world.staff if endpoint.is_for_staff else world.owner)
    client.raise_request_exception = False
    turn = READS.index(endpoint) % 3
    for name in [*query_names[endpoint.route], "format", "unknown"]:
        for value in QUERIES[turn::3] if name in EVERYWHERE else QUERIES:
            answer = client.get(f"{endpoint.url(world.ids)}?{name}={value}")
            assert answer.status_code in {200, 400, 404}, f"{name}={value}: {answer.content!r}"
        assert client.get(f"{endpoint.url(world.ids)}?{name}=a%00b").status_code == 400


@pytest.fixture(scope="module")
def query_names() -> dict[str, list[str]]:
    """Route to the query parameters that the OpenAPI document gives it."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    found = {path.lstrip("/"): item.get("get", {}).get("parameters", []) for path, item in paths.items()}
    return {
        endpoint.route: [entry["name"] for entry in found.get(_braced(endpoint.route), []) if entry["in"] == "query"]
        for endpoint in READS
    }


def _braced(route: str) -> str:
    return re.sub(r"\{pk\}", "{id}", PARAMETER.sub(r"{\1}", route))


@pytest.mark.parametrize("query", ["format=x", "lang=%ff", "format=" + "a" * 5000, "unknown=1"])
def test_the_schema_takes_strange_queries(bob: User, query: str) -> None:
    assert client_of(bob).get(f"/api/schema/?{query}").status_code in {200, 404}


def test_the_schema_names_the_filters(query_names: dict[str, list[str]]) -> None:
    assert {"limit", "offset", "ordering"} <= set(query_names["api/portfolios/<int:portfolio_id>/trades/"])


@pytest.mark.parametrize("accept", ["application/xml", "text/csv", "*/*;q=x", "\xff"])
def test_answers_in_other_formats_are_refused(bob: User, accept: str) -> None:
    answer = client_of(bob).get("/api/jobs/", headers={"accept": accept})
    assert answer.status_code in {200, 406}
    if answer.status_code == 406:
        assert_problem(answer, {406})


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer \xff", "Bearer " + "a" * 5000, "Basic x", "\x01"])
def test_strange_credentials_are_a_401(db: None, header: str) -> None:
    assert_problem(APIClient().get("/api/jobs/", headers={"authorization": header}), {401})
