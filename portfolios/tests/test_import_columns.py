"""Files whose columns have other names: asked which is which, remembered, previewed, and over HTTP."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activity.models import Job
from banking.models import CashTransaction, ImportBatch, ImportChunk, ImportMapping, ImportRow
from banking.services.imports import Claim, shorten, tidy
from core.testing import Page, client_of
from portfolios.models import Trade
from portfolios.tests.test_imports import HEADER, account, line, step
from portfolios.tests.test_trade_imports import make
from users.models import User

pytestmark = pytest.mark.django_db
BANK = "Buchungstag;Verwendungszweck;Betrag"
ROWS = ["31.05.2024;Miete;-1.234,50 €", "01.06.2024;Gehalt;3.000,00 €"]
SAID = {
    "kind": "transactions",
    "was": "transactions",
    "decimal": ",",
    "dates": "dmy",
    "column-date": "0",
    "column-description": "1",
    "column-amount": "2",
    "constant-account_ref": "main",
    "constant-section": "sign",
}


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def upload(browser: Client, *lines: str, header: str = BANK, name: str = "umsatz.csv") -> ImportBatch:
    sent = SimpleUploadedFile(name, "\n".join([header, *(lines or ROWS)]).encode())
    answer = browser.post("/imports/", {"file": sent})
    assert answer.status_code == 302, answer.content
    return step(ImportBatch.objects.latest("pk"))


def text_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content
    text: str = answer.content.decode()
    assert Page(text).faults == []
    return text


def test_a_bank_file_from_drop_to_books(browser: Client, alice: User) -> None:
    account(alice, "main")
    batch = upload(browser)
    assert (batch.state, batch.head["names"]) == ("mapping", ["buchungstag", "verwendungszweck", "betrag"])
    page = f"/imports/{batch.pk}/"
    assert browser.get(page)["Location"] == f"{page}columns/"
    assert browser.get(page, headers={"hx-request": "true"})["HX-Redirect"] == f"{page}columns/"
    assert batch.job
    assert Job.objects.get(pk=batch.job.pk).state == "done"
    text = text_of(browser.get(f"{page}columns/"))
    assert '<option value="2" selected>betrag</option>' in text  # suggested by its name
    assert '<option value="," selected>1.234,50</option>' in text
    assert '<option value="dmy" selected>31.12.2024</option>' in text
    assert "Miete" in text
    answer = browser.post(f"{page}columns/", SAID)
    assert answer["Location"] == page
    batch = step(batch)
    assert (batch.state, batch.rows, batch.new, batch.kind) == ("ready", 2, 2, "transactions"), batch.message
    text = text_of(browser.get(page))
    assert "columns between semicolons" in text
    assert "Decimals follow a comma; days are written like 31.12.2024." in text
    assert f'href="{page}columns/"' in text
    browser.post(page, {"action": "commit"})
    assert step(batch).state == "committed"
    booked = CashTransaction.objects.standing().order_by("booked_on").values_list("amount", "section", "description")
    assert [(str(amount), section, text) for amount, section, text in booked] == [
        ("-1234.5000", "expense", "Miete"),
        ("3000.0000", "income", "Gehalt"),
    ]
    assert not ImportChunk.objects.exists()
    assert browser.get(f"{page}columns/")["Location"] == page  # it is too late
    assert browser.post(f"{page}columns/", SAID)["Location"] == page
    assert ImportBatch.objects.get().state == "committed"
    assert "See what is booked" in text_of(browser.get(page))
    browser.post(page, {"action": "undo"})
    assert step(batch).state == "undone"


def test_what_was_said_is_remembered_for_the_same_header_of_the_same_person(
    browser: Client, alice: User, bob: User
) -> None:
    account(alice, "main")
    first = upload(browser)
    browser.post(f"/imports/{first.pk}/columns/", SAID)
    again = upload(browser, "02.06.2024;Brot;-3,20")
    assert (again.state, again.new) == ("ready", 1)
    assert upload(browser, "x", header="Buchungstag;Zweck;Betrag").state == "mapping"
    browser.force_login(bob)
    assert upload(browser).state == "mapping"
    assert ImportMapping.objects.visible_to(bob).count() == 0
    assert ImportMapping.objects.visible_to(alice).count() == 1


def test_columns_are_told_anew_when_rows_are_wrong(browser: Client, alice: User) -> None:
    account(alice, "main")
    batch = upload(browser, "05.06.2024;Miete;-1,00", "12.31.2024;Brot;-2,00")
    url = f"/imports/{batch.pk}/columns/"
    browser.post(url, SAID)
    batch = step(batch)
    assert (batch.state, batch.wrong) == ("failed", 1)
    assert "Change the columns" in text_of(browser.get(f"/imports/{batch.pk}/"))
    browser.post(url, SAID | {"dates": "mdy"})
    batch = step(batch)
    assert (batch.state, batch.new, batch.wrong) == ("ready", 2, 0)
    assert ImportMapping.objects.get().mapping["dates"] == "mdy"
    tidy(timezone.now() + timedelta(days=31))
    assert not ImportBatch.objects.exists()
    assert not ImportChunk.objects.exists()


def test_a_file_that_is_to_be_read_anew_is_not_tidied_away(browser: Client, alice: User) -> None:
    account(alice, "main")
    batch = upload(browser)
    url = f"/imports/{batch.pk}/columns/"
    browser.post(url, SAID)
    assert step(batch).state == "ready"
    browser.post(url, SAID | {"constant-category": "Home"})
    assert ImportBatch.objects.get().state == "uploaded"
    tidy(timezone.now())
    assert (ImportChunk.objects.count(), ImportRow.objects.count()) == (1, 2)
    batch = step(batch)
    assert (batch.state, batch.new) == ("ready", 2), batch.message


def test_a_worker_that_shortens_a_refused_file_leaves_what_is_staged_anew(browser: Client, alice: User) -> None:
    account(alice, "main")
    batch = upload(browser, *("12.05.2024;Brot;-1,00" for _ in range(8)), "13.31.2024;Brot;-2,00")
    url = f"/imports/{batch.pk}/columns/"
    browser.post(url, SAID)
    batch = step(batch)
    assert (batch.state, batch.fence, batch.staged.count()) == ("failed", 2, 9)
    late = Claim(batch.pk, batch.fence)
    browser.post(url, SAID | {"dates": "mdy"})
    shorten(late, shown=3)  # its columns are told anew, and nobody has begun yet
    assert batch.staged.count() == 9
    batch = step(batch)
    assert (batch.state, batch.fence) == ("failed", 3)
    shorten(late, shown=3)  # another one has read it by now
    assert (batch.staged.count(), batch.chunks.count()) == (9, 1)
    shorten(Claim(batch.pk, 3), shown=3)
    assert list(batch.staged.values_list("line", "outcome")) == [*((at, "new") for at in (2, 3, 4)), (10, "wrong")]
    assert batch.chunks.count() == 1


def test_what_is_lacking_is_told_beside_its_field(browser: Client, alice: User) -> None:
    account(alice, "main")
    batch = upload(browser)
    url = f"/imports/{batch.pk}/columns/"
    text = text_of(browser.post(url, SAID | {"column-date": "", "constant-account_ref": ""}), 422)
    assert text.count("Choose a column, or say what all rows have.") == 3  # the currency is that of the account
    assert "It shows here once each needed column is told." in text
    for bad in ({"column-date": "99"}, {"column-date": "x"}, {"dates": "ydm"}, {"decimal": ""}, {"kind": "gifts"}):
        assert browser.post(url, SAID | bad).status_code == 422, bad
    text_of(browser.post(url, SAID | {"constant-category": "\x00"}), 422)
    assert ImportBatch.objects.get().state == "mapping"
    assert not ImportMapping.objects.exists()


def test_the_sample_shows_how_rows_read(browser: Client, alice: User) -> None:
    account(alice, "main")
    batch = upload(browser)
    url, htmx = f"/imports/{batch.pk}/columns/", {"hx-request": "true"}
    part = browser.post(url, SAID | {"action": "preview"}, headers=htmx).content.decode()
    assert "<html" not in part
    assert "-1234.50" in part
    assert "2024-05-31" in part
    part = browser.post(url, SAID | {"action": "preview", "decimal": "."}, headers=htmx).content.decode()
    assert "is not a number with a point before its decimals" in part
    assert "How it reads" in text_of(browser.post(url, SAID | {"action": "preview"}))
    assert ImportBatch.objects.get().state == "mapping"
    answer = browser.post(url, SAID | {"action": "preview", "kind": "trades"}, headers=htmx)
    assert answer["HX-Redirect"] == f"{url}?kind=trades"
    assert "Quantity" in text_of(browser.get(f"{url}?kind=trades"))
    assert "Quantity" in text_of(browser.post(url, SAID | {"kind": "trades"}))


def test_a_header_with_what_is_not_seen_is_shown_and_read(browser: Client, alice: User) -> None:
    account(alice, "main")
    batch = upload(browser, header="Buchungstag;Verwendungszweck;Betrag \u200b")
    url = f"/imports/{batch.pk}/columns/"
    assert "-1234.50" in text_of(browser.post(url, SAID | {"action": "preview"}))
    batch.head["names"][2] = "betrag "  # as names were kept once
    batch.save()
    text = text_of(browser.post(url, SAID | {"action": "preview"}))
    assert "there is no column “betrag”, which the mapping names" in text


def test_a_file_that_waits_for_its_columns_is_deleted(browser: Client, alice: User) -> None:
    batch = upload(browser)
    text = text_of(browser.get(f"/imports/{batch.pk}/columns/"))
    assert f'<form class="buttons" method="post" action="/imports/{batch.pk}/">' in text
    assert 'name="action" value="delete">Delete the file' in text
    assert browser.post(f"/imports/{batch.pk}/", {"action": "delete"})["Location"] == "/imports/"
    assert not ImportBatch.objects.exists()
    assert not ImportChunk.objects.exists()


def test_the_list_reads_no_rows_of_files(browser: Client, alice: User) -> None:
    upload(browser)
    with CaptureQueriesContext(connection) as queries:
        assert "umsatz.csv" in text_of(browser.get("/imports/"))
    read = [query["sql"] for query in queries if '"banking_importbatch"."file_name"' in query["sql"]]
    assert len(read) == 1
    assert not [name for name in ("head", "mapping") if f'"banking_importbatch"."{name}"' in read[0]]


def test_trades_of_a_broker(browser: Client, alice: User) -> None:
    make(alice, "depot")
    batch = upload(browser, "31.05.2024;AAPL;-;10;190,5;1,00", header="Date;Ticker;X;Quantity;Price;Fee")
    said = {"kind": "trades", "was": "trades", "decimal": ",", "dates": "dmy", "constant-side": "sign"}
    said |= {"column-trade_time": "0", "column-symbol": "1", "column-qty": "3", "column-price": "4", "column-fees": "5"}
    said |= {"constant-account_ref": "depot", "constant-currency": "USD"}
    browser.post(f"/imports/{batch.pk}/columns/", said)
    batch = step(batch)
    assert (batch.state, batch.kind) == ("ready", "trades"), batch.message
    browser.post(f"/imports/{batch.pk}/", {"action": "commit"})
    assert step(batch).state == "committed"
    trade = Trade.objects.get()
    assert (trade.kind, str(trade.day), trade.quantity, trade.fee) == ("buy", "2024-05-31", 10, 1)


def test_nobody_else_says_what_a_column_is(browser: Client, bob: User) -> None:
    batch = upload(browser)
    client = Client()
    client.force_login(bob)
    for path in ("columns/", "errors/"):
        assert client.get(f"/imports/{batch.pk}/{path}").status_code == 404
    assert client.post(f"/imports/{batch.pk}/columns/", SAID).status_code == 404


def test_a_documented_file_goes_through_and_others_are_refused_where_nobody_can_be_asked(
    browser: Client, alice: User
) -> None:
    account(alice, "main")
    batch = upload(browser, line(), header=HEADER)
    assert (batch.state, batch.head) == ("ready", {})
    assert browser.get(f"/imports/{batch.pk}/columns/")["Location"] == f"/imports/{batch.pk}/"
    assert "Change the columns" not in text_of(browser.get(f"/imports/{batch.pk}/"))
    assert upload(browser, "1", "2", header="one column").state == "failed"
    sent = SimpleUploadedFile("a.csv", "\n".join([BANK, *ROWS]).encode())
    client_of(alice).post("/api/imports/", {"file": sent}, format="multipart")
    refused = step(ImportBatch.objects.latest("pk"))
    assert (refused.state, refused.mappable) == ("failed", False)


def test_several_files_come_one_after_another(browser: Client, alice: User) -> None:
    account(alice, "main")
    files = [SimpleUploadedFile(f"{n}.csv", "\n".join([HEADER, line(description=str(n))]).encode()) for n in range(3)]
    answer = browser.post("/imports/", {"file": files})
    assert answer["Location"] == "/imports/"
    assert ImportBatch.objects.count() == 3
    part = browser.get("/imports/", headers={"hx-request": "true"}).content.decode()
    assert 'hx-trigger="every 3s"' in part
    assert "<html" not in part
    for batch in ImportBatch.objects.all():
        assert step(batch).state == "ready"
    assert "every 3s" not in text_of(browser.get("/imports/"))
    many = [SimpleUploadedFile(f"{n}.csv", b"x") for n in range(7)]
    text = text_of(browser.post("/imports/", {"file": many}), 422)
    assert "5.csv: Several files of yours are under way" in text


def test_the_wrong_rows_as_a_file(browser: Client, alice: User) -> None:
    account(alice, "main")
    batch = upload(browser, line(amount="x", description="=1+1"), line(), line(amount="0"), header=HEADER)
    assert f'href="/imports/{batch.pk}/errors/"' in text_of(browser.get(f"/imports/{batch.pk}/"))
    answer: Any = browser.get(f"/imports/{batch.pk}/errors/")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode(), newline=""), strict=True))
    assert [(row["line"], row["error"]) for row in rows][1] == ("4", "amount is 0")
    assert "“x” is not a plain number" in rows[0]["error"]


# --- over HTTP ----------------------------------------------------------------------------------------------------

TOLD = {
    "columns": {"date": "Buchungstag", "amount": "BETRAG", "description": "verwendungszweck"},
    "constants": {"account_ref": "main", "currency": "EUR", "section": "sign"},
    "decimal": ",",
    "dates": "dmy",
}


def send(user: User, mapping: Any, **more: Any) -> Any:
    sent = SimpleUploadedFile("a.csv", "\n".join([BANK, *ROWS]).encode())
    text = mapping if isinstance(mapping, str) else json.dumps(mapping)
    return client_of(user).post("/api/imports/", {"file": sent, "mapping": text} | more, format="multipart")


def test_an_upload_says_which_column_is_which(alice: User) -> None:
    account(alice, "main")
    answer = send(alice, TOLD)
    assert answer.status_code == 202, answer.content
    batch = step(ImportBatch.objects.get())
    assert (batch.state, batch.new) == ("ready", 2), batch.message
    assert not ImportMapping.objects.exists()  # it is said with each upload
    send(alice, TOLD | {"columns": TOLD["columns"] | {"category": "Art"}})  # type: ignore[operator]
    assert step(ImportBatch.objects.latest("pk")).message == "Line 1: there is no column “art”, which the mapping names"


@pytest.mark.parametrize(
    "mapping",
    [
        *("x", "[]", "null", "NaN", "1", "{}", "[" * 40_000, '{"columns": {"date": NaN}}', "1e999999"),
        *('{"columns": {"date": "a\\u0000"}}', '{"columns": {"date": "\\ud800"}}', '{"columns": {}, "columns": {}}'),
        TOLD | {"kind": "trades"},
        TOLD | {"dates": 10**400},
        TOLD | {"decimal": "x" * 60_000},
    ],
)
def test_what_is_no_mapping_stores_nothing(alice: User, mapping: Any) -> None:
    answer = send(alice, mapping)
    assert answer.status_code == 400, answer.content
    assert not ImportBatch.objects.exists()


def test_a_mapping_of_another_kind_than_the_upload(alice: User) -> None:
    assert send(alice, TOLD, kind="trades").json()["code"] == "bad_mapping"
    assert not ImportBatch.objects.exists()
