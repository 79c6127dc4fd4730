"""Files that are booked, over HTTP, through pages and from the command line."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from banking.models import CashTransaction, ImportBatch, ImportChunk, ImportRow, ImportState, Transfer
from banking.services.accounts import open_account
from banking.services.imports import Claim, ImportLost, claim, end, receive, renew, tidy, waiting
from core.testing import Page, client_of
from portfolios.models import Trade
from portfolios.services.importing import run
from portfolios.tests.test_imports import HEADER, account, line, step, upload
from portfolios.tests.test_trade_imports import make
from users.models import User

pytestmark = pytest.mark.django_db
FIXTURES = Path(django_settings.BASE_DIR) / "fixtures"


def file(*lines: str, name: str = "bank.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, "\n".join([HEADER, *lines]).encode())


def post(user: User, *lines: str, **more: Any) -> Any:
    return client_of(user).post("/api/imports/", {"file": file(*lines)} | more, format="multipart")


def test_a_file_from_upload_to_undo(alice: User) -> None:
    account(alice, "main")
    answer = post(alice, line(category="Food", description="Bread"), line(amount="5", section="income"))
    assert (answer.status_code, answer.json()["state"]) == (202, "uploaded"), answer.content
    url, client = f"/api/imports/{answer.json()['id']}/", client_of(alice)
    step(ImportBatch.objects.get())
    shown = client.get(url).json()
    assert (shown["state"], shown["kind"], shown["rows"], shown["new"]) == ("ready", "transactions", 2, 2)
    rows = client.get(f"{url}rows/").json()["results"]
    assert [(row["line"], row["amount"], row["description"]) for row in rows] == [(2, "-10", "Bread"), (3, "5", "")]
    assert client.get(f"{url}missing/").json()["results"][0]["name"] == "Food"
    assert client.post(f"{url}undo/").json()["code"] == "not_booked"

    assert client.post(f"{url}commit/").status_code == 202
    assert client.post(f"{url}commit/").json()["code"] == "not_ready_to_book"
    step(ImportBatch.objects.get())
    assert client.get(url).json()["state"] == "committed"
    assert client.delete(url).json()["code"] == "in_the_books"
    assert CashTransaction.objects.standing().count() == 2
    assert client.post(f"{url}undo/").status_code == 202
    step(ImportBatch.objects.get())
    assert not CashTransaction.objects.standing().exists()


def test_others_see_nothing_of_it(alice: User, bob: User, carol: User) -> None:
    batch = upload(alice, line())
    for other in (bob, carol):
        client = client_of(other)
        assert client.get("/api/imports/").json()["results"] == []
        for path in ("", "rows/", "missing/"):
            assert client.get(f"/api/imports/{batch.pk}/{path}").status_code == 404
        for path in ("commit/", "undo/"):
            assert client.post(f"/api/imports/{batch.pk}/{path}").status_code == 404
        assert client.delete(f"/api/imports/{batch.pk}/").status_code == 404
    assert ImportBatch.objects.filter(pk=batch.pk).exists()


@pytest.mark.parametrize(
    ("more", "field"), [({"kind": "gifts"}, "kind"), ({"note": "x"}, "note"), ({"file": "x"}, "file")]
)
def test_bad_uploads(alice: User, more: dict[str, str], field: str) -> None:
    answer = post(alice, line(), **more)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not ImportBatch.objects.exists()


def test_a_file_may_be_larger_than_other_bodies_but_not_than_its_own_limit(alice: User, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    lines = [line(description="x" * 200)] * 10
    assert post(alice, *lines).status_code == 202
    settings.IMPORT_MOST_BYTES = 2_000
    answer = post(alice, *lines)
    assert (answer.status_code, answer.json()["code"]) == (400, "file_too_large")
    assert ImportChunk.objects.count() == 1
    settings.IMPORT_MOST_BYTES = -9_500
    assert post(alice, *lines).status_code == 413


def test_a_kind_that_the_columns_are_not(alice: User) -> None:
    post(alice, line(), kind="trades")
    assert step(ImportBatch.objects.get()).message == "Line 1: these are the columns of cash transactions"


def test_pages_from_drop_to_undo(alice: User) -> None:
    account(alice, "main")
    client = Client()
    client.force_login(alice)
    assert Page(client.get("/imports/").content.decode()).faults == []
    answer = client.post("/imports/", {"file": file(line(description="<b>"), line(), name="a<b>.csv")})
    batch = ImportBatch.objects.get()
    assert answer["Location"] == f"/imports/{batch.pk}/"
    url = answer["Location"]
    assert b"hx-trigger" in client.get(url).content
    step(batch)
    text = client.get(url).content.decode()
    assert Page(text).faults == []
    assert "Book 2 rows" in text
    assert "<b>" not in text
    part = client.get(url, headers={"hx-request": "true"}).content
    assert part.strip().startswith(b'<div id="import"')
    assert client.post(url, {"action": "nonsense"}).status_code == 400
    assert client.post(url, {"action": "undo"}, follow=True).status_code == 200
    client.post(url, {"action": "commit"})
    step(batch)
    assert "Undo this import" in client.get(url).content.decode()
    client.post(url, {"action": "undo"})
    assert step(batch).state == "undone"


def test_a_page_of_errors_and_the_deletion(alice: User) -> None:
    batch = upload(alice, line(), line(amount="x"))
    client = Client()
    client.force_login(alice)
    text = client.get(f"/imports/{batch.pk}/").content.decode()
    assert "2 of 2 rows have errors" in text
    assert Page(text).faults == []
    assert client.post(f"/imports/{batch.pk}/", {"action": "delete"})["Location"] == "/imports/"
    assert not ImportBatch.objects.exists()
    answer = client.post("/imports/", {})
    assert answer.status_code == 422


# --- workers that are lost ----------------------------------------------------------------------------------------


def test_a_check_that_was_cut_off_begins_anew(alice: User) -> None:
    account(alice, "main")
    batch = receive(actor=alice, file_name="a.csv", pieces=["\n".join([HEADER, line(), line()]).encode()])
    held = claim(batch.pk, timezone.now())
    assert held is not None
    ImportBatch.objects.update(state=ImportState.CHECKING)
    ImportRow.objects.create(batch=batch, line=2, account=1, section="expense")
    run(batch.pk, now=timezone.now())  # its worker may still live
    assert ImportBatch.objects.get().state == "checking"
    later = timezone.now() + timedelta(minutes=3)
    assert waiting(later) == [batch.pk]
    run(batch.pk, now=later)
    found = ImportBatch.objects.get()
    assert (found.state, found.rows, ImportRow.objects.count()) == ("ready", 2, 2)
    with pytest.raises(ImportLost):
        renew(held)
    with pytest.raises(ImportLost):
        end(held, ImportState.COMMITTED)


def test_a_file_that_kills_its_workers_is_given_up(alice: User) -> None:
    batch = receive(actor=alice, file_name="a.csv", pieces=[HEADER.encode()])
    for minutes in (0, 3, 6):
        assert claim(batch.pk, timezone.now() + timedelta(minutes=minutes)) == Claim(batch.pk, minutes // 3 + 1)
    run(batch.pk, now=timezone.now() + timedelta(minutes=9))
    assert ImportBatch.objects.get().message == "It was tried 3 times, and failed or lost its worker each time."


def test_what_is_left_of_an_upload_is_tidied(alice: User) -> None:
    cut = ImportBatch.objects.create(owner=alice, file_name="a.csv")
    done = ImportBatch.objects.create(owner=alice, file_name="b.csv", state="committed")
    ImportRow.objects.create(batch=done, line=2)
    tidy(timezone.now())
    assert not ImportRow.objects.exists()
    tidy(timezone.now() + timedelta(hours=2))
    assert not ImportBatch.objects.filter(pk=cut.pk).exists()
    assert ImportBatch.objects.filter(pk=done.pk).exists()


# --- the command --------------------------------------------------------------------------------------------------


def test_the_example_files_from_the_command_line(alice: User) -> None:
    for ref in ("demo-checking", "demo-savings"):
        open_account(holder=alice, name=ref, actor=alice, currency="USD", iban=ref)
    make(alice, "demo-brokerage", cash="tracked")
    files, out = [str(FIXTURES / name) for name in ("transactions.csv", "trades.csv")], io.StringIO()
    call_command("ingest_csv", files[0], user="alice", dry_run=True, stdout=out)
    assert "would be booked: 13 new, 0 already there, 2 transfers" in out.getvalue()
    assert not CashTransaction.objects.exists()
    assert not ImportBatch.objects.exists()
    for _ in range(2):
        call_command("ingest_csv", *files, user="alice", stdout=out)
    assert "0 new, 13 already there" in out.getvalue()
    assert (Trade.objects.count(), Transfer.objects.count()) == (3, 2)
    assert CashTransaction.objects.filter(origin="entry").count() == 13


def test_the_command_says_what_is_wrong(alice: User, tmp_path: Path) -> None:
    path, errors = tmp_path / "bad.csv", io.StringIO()
    path.write_text("\n".join([HEADER, line()]))
    with pytest.raises(CommandError, match="1 of 1 files were refused"):
        call_command("ingest_csv", str(path), user="alice", stderr=errors)
    assert "line 2: account_ref “main” is no IBAN" in errors.getvalue()
    with pytest.raises(CommandError, match="nobody named"):
        call_command("ingest_csv", str(path), user="nobody")
    with pytest.raises(CommandError, match="No such file"):
        call_command("ingest_csv", str(tmp_path / "none.csv"), user="alice")
