"""Lists of prices over the API: looked at, then stored whole or not at all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation
from django.utils.datastructures import MultiValueDict

from activity.models import AuditEvent
from assets.forms.prices import PriceListForm
from assets.models import Asset, HistoricValue
from assets.price_lists import MOST_BYTES
from assets.tests.factories import make_asset
from core.testing import client_of
from users.models import User

URL = "/api/market/prices/"
GOOD = "symbol;day;close;volume\nHOUSE;2024-05-30;100,5;\nHOUSE;2024-05-31;101;7\n"

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(db: None) -> Asset:
    return make_asset("HOUSE", type="other", currency="CHF", exchange=None)


def upload(user: User | None, content: str | bytes, url: str = URL, **fields: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    body = {"file": SimpleUploadedFile("prices.csv", data), **fields}
    client = client_of(user)
    client.raise_request_exception = False
    return client.post(url, body, format="multipart")


def stored() -> dict[date, Decimal]:
    return dict(HistoricValue.objects.values_list("day", "close"))


def problem(answer: Any, status: int = 400) -> Any:
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    return answer.json()


def test_a_preview_stores_nothing(house: Asset, carol: User) -> None:
    answer = upload(carol, GOOD, f"{URL}preview/")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "count": 2,
        "rows": [
            {"line": 2, "symbol": "HOUSE", "day": "2024-05-30", "figures": {"close": "100.5"}},
            {"line": 3, "symbol": "HOUSE", "day": "2024-05-31", "figures": {"close": "101", "volume": "7"}},
        ],
        "problems": [],
        "unlikely": [],
    }
    assert stored() == {}


def test_a_preview_names_lines(house: Asset, carol: User) -> None:
    shown = upload(carol, GOOD + "NOSUCH;2024-05-31;1;\nHOUSE;2024-06-03;1;\n", f"{URL}preview/").json()
    assert (shown["count"], shown["problems"]) == (3, [{"line": 4, "text": "there is no asset “NOSUCH”"}])
    assert [row["line"] for row in shown["unlikely"]] == [5]


def test_a_list_is_stored_whole(house: Asset, carol: User) -> None:
    answer = upload(carol, GOOD)
    assert (answer.status_code, answer.json()) == (201, {"changed": 2})
    assert stored() == {date(2024, 5, 30): Decimal("100.5"), date(2024, 5, 31): Decimal(101)}
    assert AuditEvent.objects.get(action="prices.entered").actor == carol
    assert upload(carol, GOOD).json() == {"changed": 0}


def test_or_not_at_all(house: Asset, carol: User) -> None:
    wrong = "NOSUCH;2024-05-31;1;\nHOUSE;2999-01-01;1;\nHOUSE;2024-06-03;NaN;\n"
    told = problem(upload(carol, GOOD + wrong))
    assert (told["code"], set(told["errors"])) == ("price_list_refused", {"rows.4", "rows.5", "rows.6"})
    assert told["errors"]["rows.4"] == ["there is no asset “NOSUCH”"]
    assert "3 lines are wrong" in told["detail"]
    assert (stored(), AuditEvent.objects.count()) == ({}, 0)


def test_a_jump_has_to_be_confirmed(house: Asset, carol: User) -> None:
    jump = "symbol,day,close\nHOUSE,2024-05-30,100\nHOUSE,2024-05-31,1000\n"
    told = problem(upload(carol, jump))
    assert (told["code"], list(told["errors"]), stored()) == ("unlikely_prices", ["rows.3"], {})
    assert upload(carol, jump, confirmed="true").status_code == 201


def test_the_same_request_again_changes_nothing(house: Asset, carol: User) -> None:
    client = client_of(carol)
    answers = []
    for _ in range(2):
        body = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n'
            + GOOD.encode()
            + b"\r\n--x--\r\n"
        )
        answers.append(
            client.post(
                URL, body, content_type="multipart/form-data; boundary=x", headers={"idempotency-key": "list-1"}
            )
        )
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert answers[1]["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("url", [URL, f"{URL}preview/"])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "must name the columns"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"symbol,day,close\n\x00", "null characters"),
        (b"symbol,day,close\n", "has no prices"),
    ],
)
def test_what_is_no_list(house: Asset, carol: User, url: str, content: bytes, text: str) -> None:
    answer = upload(carol, content, url)
    if url == URL:
        assert text in str(problem(answer)["errors"])
    else:
        assert text in str(answer.json()["problems"])
    assert stored() == {}


@pytest.mark.parametrize("url", [URL, f"{URL}preview/"])
def test_what_is_no_upload(house: Asset, carol: User, url: str) -> None:
    client = client_of(carol)
    client.raise_request_exception = False
    assert problem(client.post(url, {}, format="multipart"))["errors"] == {"file": ["No file was submitted."]}
    assert "file" in problem(client.post(url, {"file": "symbol"}, format="multipart"))["errors"]
    assert problem(upload(carol, GOOD, url, colour="red"))["errors"].keys() == {"colour"}
    for kind, body, status in (
        ("application/json", b"{}", 415),
        ("text/csv", GOOD.encode(), 415),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 400),
        ("multipart/form-data; boundary=\xff", b"", 400),
    ):
        problem(client.post(url, body, content_type=kind), status)
    problem(upload(carol, b"x" * (MOST_BYTES + 1), url))
    problem(upload(carol, b"x" * 2_700_000, url), 413)
    assert stored() == {}


def test_a_list_is_for_staff(house: Asset, alice: User) -> None:
    for url in (URL, f"{URL}preview/"):
        problem(upload(alice, GOOD, url), 403)
        problem(upload(None, GOOD, url), 401)
    problem(upload(alice, GOOD, confirmed="maybe"), 403)
    assert stored() == {}


def test_a_page_tells_the_most_bytes_with_the_separators_of_the_language() -> None:
    large = SimpleUploadedFile("prices.csv", b"x" * (MOST_BYTES + 1))
    with translation.override("de"):
        form = PriceListForm(files=MultiValueDict({"file": [large]}))
        assert f"{MOST_BYTES:,}".replace(",", ".") in form.errors["file"][0]
