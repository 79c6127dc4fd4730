"""Factor sets: loaded once, corrected by an update, by staff alone, over HTTP, on the page and by command."""

from __future__ import annotations

import base64
import gzip
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils import timezone

from activity.models import AuditEvent
from analytics.models import Factor, FactorReturn, FactorSet
from analytics.services.factors import (
    EarlyReturn,
    FactorSetRefused,
    FutureReturn,
    Loaded,
    NewFactor,
    NewFactorSet,
    UnknownFactors,
    WrongFrequency,
    create_factor_set,
    load_files,
    read_files,
    store_returns,
    table_of,
)
from core.testing import Page, client_of, count_queries
from users.models import User

pytestmark = pytest.mark.django_db
GOLDEN = Path(__file__).parent / "golden" / "factors"
FIVE, MOMENTUM, MONTHLY = (
    (GOLDEN / f"{name}.csv").read_bytes() for name in ("five_factors_daily", "momentum_daily", "three_factors_monthly")
)
NEW = NewFactorSet(key="us", name="US factors", frequency="")


def load(*contents: bytes, **options: Any) -> Loaded:
    return load_files(new=NEW, contents=contents, actor=None, **options)[1]


def returns_of(key: str) -> dict[str, float]:
    rows = FactorReturn.objects.filter(factor__key=key).values_list("day", "value")
    return {day.isoformat(): value for day, value in rows}


# --- the service -----------------------------------------------------------------------------------------------------


def test_two_files_make_one_set_with_its_rate() -> None:
    loaded = load(FIVE, MOMENTUM)

    made = FactorSet.objects.get(key="us")
    assert (made.frequency, made.version, loaded.added, loaded.changed) == ("daily", 1, 48, 0)
    named = list(made.factors.values_list("key", "name", "risk_free"))
    assert named[0] == ("mkt_rf", "Market", False)
    assert [row for row in named if row[2]] == [("rf", "Risk-free rate", True)]
    assert returns_of("mkt_rf")["2024-01-08"] == 0.015
    assert "2024-01-09" not in returns_of("mom")  # −999: not known


def test_loading_again_changes_nothing_and_a_correction_moves_the_version() -> None:
    load(FIVE)
    before = FactorSet.objects.values().get()
    events = AuditEvent.objects.count()

    assert load(FIVE) == Loaded(0, 0, 42, date(2024, 1, 2), date(2024, 1, 10), 1)
    assert FactorSet.objects.values().get() == before
    assert AuditEvent.objects.count() == events

    corrected = load(FIVE.replace(b"1.50,", b"1.51,"))
    assert (corrected.added, corrected.changed, corrected.version) == (0, 1, 2)
    assert returns_of("mkt_rf")["2024-01-08"] == 0.0151
    market, size = Factor.objects.get(key="mkt_rf"), Factor.objects.get(key="smb")
    assert market.updated_at is not None
    assert size.updated_at is not None
    assert market.updated_at > size.updated_at
    assert FactorSet.objects.get().updated_at == market.updated_at


def test_new_columns_are_new_factors_only_if_somebody_says_so() -> None:
    load(FIVE)
    with pytest.raises(UnknownFactors, match="and no mom"):
        load(MOMENTUM)
    assert not Factor.objects.filter(key="mom").exists()

    assert load(MOMENTUM, new_factors=True).new_factors == ("mom",)
    assert list(Factor.objects.values_list("key", flat=True))[-1] == "mom"
    assert load(MOMENTUM).unchanged == 6  # now it is known


def test_a_set_keeps_its_frequency() -> None:
    load(FIVE)
    with pytest.raises(WrongFrequency, match="monthly, the factor set is daily"):
        load(MONTHLY)
    assert FactorReturn.objects.count() == 42


def test_a_wrong_file_stores_nothing_not_even_the_set() -> None:
    for content in (FIVE.replace(b"1.50,", b"x,"), b"", b"\x00"):
        with pytest.raises(Exception, match=r"not a number|empty|null"):
            load(content)
    assert not FactorSet.objects.exists()
    assert not AuditEvent.objects.exists()


def test_columns_can_be_chosen() -> None:
    load(FIVE, columns=["smb", "rf"])
    assert list(Factor.objects.values_list("key", flat=True)) == ["smb", "rf"]


def test_returns_of_days_to_come_are_refused() -> None:
    made = create_factor_set(new=NewFactorSet("a", "A", "monthly"), actor=None)
    today = timezone.now().date()
    store_returns(factor_set=made, table=table_of([(today, {"x": 0.1})], "monthly"), actor=None)
    far = table_of([(today + timedelta(days=70), {"x": 0.1})], "monthly")
    with pytest.raises(FutureReturn):
        store_returns(factor_set=made, table=far, actor=None)


def sent(*days: str) -> list[tuple[date, dict[str, float | None]]]:
    return [(date.fromisoformat(day), {"x": 0.01}) for day in days]


@pytest.mark.parametrize(
    ("frequency", "days"),
    [
        ("weekly", ["2024-01-06", "2024-01-07"]),
        ("weekly", ["2024-01-05", "2024-01-12", "2024-01-13"]),
        ("weekly", ["2024-01-02", "2024-01-05", "2024-01-08", "2024-01-11"]),
        ("weekly", ["2024-01-31", "2024-02-29", "2024-03-28", "2024-04-30"]),
        ("daily", ["2024-01-05", "2024-01-12", "2024-01-19", "2024-01-26"]),
    ],
)
def test_days_of_another_frequency_are_refused_at_once_and_one_after_the_other(frequency: str, days: list[str]) -> None:
    with pytest.raises(WrongFrequency):
        table_of(sent(*days), frequency)

    made = create_factor_set(new=NewFactorSet("a", "A", frequency), actor=None)
    *fitting, last = days
    for day in fitting:
        store_returns(factor_set=made, table=table_of(sent(day), frequency), actor=None)
    with pytest.raises(WrongFrequency):
        store_returns(factor_set=made, table=table_of(sent(last), frequency), actor=None)
    assert FactorSet.objects.get().version == FactorReturn.objects.count() == len(fitting)


def test_a_file_of_few_rows_has_to_go_with_what_is_stored() -> None:
    weekly = NewFactorSet("w", "Weekly", "weekly")
    load_files(new=weekly, contents=[b"date,x\n2024-01-05,0.01\n2024-01-19,0.01\n"], actor=None)
    for day in (b"2024-01-04", b"2024-01-06", b"2024-01-20"):
        with pytest.raises(WrongFrequency, match="cannot both be the end of a weekly period"):
            load_files(new=weekly, contents=[b"date,x\n" + day + b",0.01\n"], actor=None)
    assert FactorReturn.objects.count() == 2
    # Between them, a day early for a holiday; a hole; and weeks whose last session was a Monday after a Friday.
    for day in (b"2024-01-11", b"2024-09-27", b"2024-09-30", b"2024-10-11"):
        load_files(new=weekly, contents=[b"date,x\n" + day + b",0.01\n"], actor=None)
    assert FactorReturn.objects.count() == 6


def test_returns_from_before_1900_are_refused() -> None:
    made = create_factor_set(new=NewFactorSet("a", "A", "monthly"), actor=None)
    for day in ("0001-01-01", "1899-12-31"):
        with pytest.raises(EarlyReturn, match="before 1900-01-01"):
            store_returns(factor_set=made, table=table_of(sent(day), "monthly"), actor=None)
        with pytest.raises(EarlyReturn):
            load(f"date,x\n{day},0.01\n".encode())
    assert not FactorReturn.objects.exists()
    store_returns(factor_set=made, table=table_of(sent("1900-01-01"), "monthly"), actor=None)
    assert FactorReturn.objects.get().day == date(1900, 1, 31)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key": "capm"}, "name of a model"),
        ({"key": "Größe"}, "small letters"),
        ({"key": "x" * 33}, "at most 32"),
        ({"frequency": "hourly"}, "frequency is one of"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": ""}, "blank"),
        ({"currency": "DOLLAR"}, "at most 3"),
        ({"factors": [NewFactor("a"), NewFactor("a")]}, "same key"),
        ({"factors": [NewFactor("a", risk_free=True), NewFactor("b", risk_free=True)]}, "one risk-free"),
        ({"factors": [NewFactor(f"f{number}") for number in range(61)]}, "at most 60"),
        ({"factors": [NewFactor("a b")]}, "small letters"),
    ],
)
def test_what_is_no_factor_set(changes: dict[str, Any], reason: str) -> None:
    values: dict[str, Any] = {"key": "us", "name": "US", "frequency": "daily"} | changes
    with pytest.raises(FactorSetRefused, match=reason):
        create_factor_set(new=NewFactorSet(**values), actor=None)
    assert not FactorSet.objects.exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10.0, -10.0])
def test_the_database_refuses_what_is_no_return(value: float) -> None:
    load(FIVE)
    with pytest.raises(IntegrityError), transaction.atomic():
        FactorReturn.objects.create(factor=Factor.objects.get(key="smb"), day=date(2024, 2, 1), value=value)


# --- the API ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def us(db: None) -> FactorSet:
    load(FIVE, MOMENTUM)
    return FactorSet.objects.get(key="us")


def test_everybody_reads_sets_and_their_returns(us: FactorSet, alice: User) -> None:
    client = client_of(alice)
    [listed] = client.get("/api/factors/?frequency=daily").json()["results"]
    assert (listed["key"], listed["first"], listed["last"]) == ("us", "2024-01-02", "2024-01-10")
    assert [factor["key"] for factor in listed["factors"]][-1] == "mom"
    assert client.get("/api/factors/?frequency=monthly").json()["count"] == 0
    assert client.get(f"/api/factors/{us.pk}/").json() == client.get("/api/factors/us/").json() == listed

    page = client.get(f"/api/factors/{us.pk}/returns/?start=2024-01-08&end=2024-01-10&limit=2").json()
    assert (page["count"], [row["day"] for row in page["results"]]) == (3, ["2024-01-08", "2024-01-09"])
    assert page["results"][0]["values"]["mkt_rf"] == 0.015
    assert page["results"][1]["values"]["mom"] is None
    newest = client.get("/api/factors/us/returns/?ordering=-day&limit=1").json()["results"]
    assert newest[0]["day"] == "2024-01-10"


def test_returns_are_read_in_a_fixed_number_of_queries(us: FactorSet, alice: User) -> None:
    client = client_of(alice)
    few, _ = count_queries(lambda: client.get("/api/factors/us/returns/?limit=1"))
    many, texts = count_queries(lambda: client.get("/api/factors/us/returns/"))
    assert few == many == 5, texts


def test_others_than_staff_may_not_write(us: FactorSet, alice: User) -> None:
    client = client_of(alice)
    body = {"rows": [{"day": "2024-01-02", "values": {"smb": "0.1"}}]}
    assert client.post("/api/factors/", {"key": "x", "name": "X", "frequency": "daily"}).status_code == 403
    assert client.post("/api/factors/us/returns/", body).status_code == 403
    assert client.post("/api/factors/us/returns/", {"file": upload(FIVE)}, format="multipart").status_code == 403
    assert client.delete("/api/factors/us/").status_code == 403
    assert FactorSet.objects.count() == us.version == 1


@pytest.mark.parametrize("address", ["0", "99", str(10**17), "9" * 400, "nosuch", "NoSuch", "-1", "1.5"])
def test_a_set_that_is_not_there(address: str, us: FactorSet, alice: User) -> None:
    for path in (f"/api/factors/{address}/", f"/api/factors/{address}/returns/"):
        assert client_of(alice).get(path).status_code == 404


def test_staff_makes_a_set_and_sends_rows(carol: User) -> None:
    client = client_of(carol)
    factors = [{"key": "growth", "name": "Growth"}, {"key": "rf", "risk_free": True}]
    made = client.post("/api/factors/", {"key": "own", "name": "Own", "frequency": "monthly", "factors": factors})
    assert made.status_code == 201, made.content
    assert [factor["name"] for factor in made.json()["factors"]] == ["Growth", "Risk-free rate"]

    rows = [
        {"day": "2024-02-01", "values": {"growth": "-0.0125", "rf": "0.004"}},
        {"day": "2024-01-31", "values": {"growth": "0.02", "rf": None}},
    ]
    loaded = client.post("/api/factors/own/returns/", {"rows": rows})
    assert loaded.status_code == 200, loaded.content
    assert (loaded.json()["added"], loaded.json()["last"]) == (3, "2024-02-29")
    assert returns_of("growth") == {"2024-01-31": 0.02, "2024-02-29": -0.0125}
    assert client.post("/api/factors/own/returns/", {"rows": rows}).json()["unchanged"] == 3
    taken = client.post("/api/factors/", {"key": "own", "name": "Again", "frequency": "daily"})
    assert (taken.status_code, taken.json()["code"]) == (400, "factor_set_exists")


def test_staff_removes_a_set_whole(us: FactorSet, carol: User) -> None:
    count, texts = count_queries(lambda: client_of(carol).delete("/api/factors/us/"))
    assert count <= 9, texts  # not one for each return
    assert not FactorSet.objects.exists()
    assert not FactorReturn.objects.exists()
    assert AuditEvent.objects.filter(action="factors.deleted", actor=carol).count() == 1


def row(**values: Any) -> list[dict[str, Any]]:
    return [{"day": "2024-03-01", "values": values}]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"rows": row(other="0.1")}, "unknown_factors", "new_factors"),
        ({"rows": row(smb="10")}, "bad_factor_value", "rows"),
        ({"rows": row(smb="0.1") * 2}, "layout_changed", "rows"),
        ({"rows": row()}, "layout_changed", "rows"),
        ({"rows": row(smb="NaN")}, "invalid", "rows.0.values.smb"),
        ({"rows": row(smb="1e-2")}, "invalid", "rows.0.values.smb"),
        ({"rows": []}, "invalid", "rows"),
        (
            {"rows": [{"day": f"2024-0{month}-01", "values": {"smb": "0.1"}} for month in (2, 3, 4, 5)]},
            "wrong_frequency",
            "rows",
        ),
        ({"rows": [{"day": "0001-01-01", "values": {"smb": "0.1"}}]}, "early_return", "file"),
        ({"rows": [{"day": "2999-01-01", "values": {"smb": "0.1"}}]}, "future_return", "file"),
        ({"rows": row(**{"A b": "0.1"}), "new_factors": True}, "factor_set_refused", "factors"),
        ({}, "invalid", "rows"),
    ],
)
def test_rows_that_are_wrong(body: Any, code: str, field: str, us: FactorSet, carol: User) -> None:
    answer = client_of(carol).post("/api/factors/us/returns/", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert field in str(answer.json()["errors"])
    assert (FactorReturn.objects.count(), FactorSet.objects.get().version) == (48, 1)


KEY = {"idempotency-key": "k1"}


def upload(content: bytes, name: str = "F-F_daily.CSV") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="text/csv")


def test_staff_sends_a_file(us: FactorSet, carol: User) -> None:
    client = client_of(carol)
    later = b"date;smb;mom\n2024-01-11;0,5%;-0,25%\n"
    answer = client.post("/api/factors/us/returns/", {"file": upload(gzip.compress(later))}, format="multipart")
    assert (answer.status_code, answer.json()["added"], answer.json()["version"]) == (200, 2, 2), answer.content
    assert returns_of("mom")["2024-01-11"] == -0.0025


def test_a_file_that_is_sent_again_with_its_key_counts_once(us: FactorSet, carol: User) -> None:
    def send() -> Any:
        form = {"file": upload(b"date,smb\n2024-01-11,0.005\n")}
        body = encode_multipart(BOUNDARY, form)  # the same bytes each time
        return client_of(carol).post("/api/factors/us/returns/", body, content_type=MULTIPART_CONTENT, headers=KEY)

    first, second = send(), send()
    assert (first.status_code, first.json()["added"]) == (200, 1), first.content
    assert (second.content, second["Idempotency-Replayed"]) == (first.content, "true")
    assert FactorSet.objects.get().version == 2


def test_files_that_are_wrong(us: FactorSet, carol: User) -> None:
    client = client_of(carol)
    changed = FIVE.replace(b"20240105,", b"5 January,")
    for content, code in ((changed, "layout_changed"), (b"\x00", "unreadable_factor_file"), (MONTHLY, None)):
        answer = client.post("/api/factors/us/returns/", {"file": upload(content)}, format="multipart")
        assert (answer.status_code, answer.json()["code"]) == (400, code or "wrong_frequency")
        assert answer.json()["errors"]["file"]
    for form in ({}, {"file": "text"}, {"file": upload(FIVE), "unit": "x"}, {"file": upload(FIVE), "colour": "red"}):
        answer = client.post("/api/factors/us/returns/", form, format="multipart")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.content
    large = client.post("/api/factors/us/returns/", {"file": upload(b"x" * 4_200_000)}, format="multipart")
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    assert FactorSet.objects.get().version == 1


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


def form(content: bytes, **values: str) -> dict[str, Any]:
    return {"action": "preview", "file": upload(content), "key": "us", "unit": "auto"} | values


def hidden(html: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html)
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


def test_the_page_shows_a_file_before_it_stores_it(desk: Client) -> None:
    assert "No factor set is loaded yet" in desk.get("/market/factors/").content.decode()

    shown = desk.post("/market/factors/", form(FIVE, name="US factors", source="The library")).content.decode()
    assert "42 returns would be new" in shown
    assert "7 daily rows from 2 Jan 2024 to 10 Jan 2024" in shown
    assert Page(shown).faults == []
    assert not FactorSet.objects.exists()

    stored = desk.post("/market/factors/", hidden(shown) | {"action": "store"}, follow=True).content.decode()
    assert "42 returns are new" in stored
    assert Page(stored).faults == []
    made = FactorSet.objects.get()
    assert (made.name, made.source, made.factors.count()) == ("US factors", "The library", 6)
    assert AuditEvent.objects.filter(action="factors.loaded", actor__username="carol").exists()


def test_a_corrected_file_says_what_would_change(desk: Client, us: FactorSet) -> None:
    shown = desk.post("/market/factors/", form(FIVE.replace(b"1.50,", b"1.51,"))).content.decode()
    assert "0 returns would be new, 1 would change, 41 are the same" in shown
    assert returns_of("mkt_rf")["2024-01-08"] == 0.015


@pytest.mark.parametrize(
    ("content", "values", "message"),
    [
        (FIVE.replace(b"1.50,", b"x,"), {}, "Line 10: Mkt-RF: “x” is not a number"),
        (MONTHLY, {}, "The returns are monthly, the factor set is daily."),
        (b"date,new\n2024-01-11,0.1\n", {}, "and no new"),
        (FIVE, {"key": "ff5"}, "name of a model"),
        (FIVE, {"key": "No Key"}, "small letters"),
        (FIVE, {"currency": "usd"}, "three capital letters"),
        (FIVE, {"unit": "x"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_stored(
    content: bytes, values: dict[str, str], message: str, desk: Client, us: FactorSet
) -> None:
    answer = desk.post("/market/factors/", form(content, **values))
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert Page(answer.content.decode()).faults == []
    assert (FactorSet.objects.count(), FactorSet.objects.get().version) == (1, 1)


def test_strange_posts(desk: Client, us: FactorSet) -> None:
    assert desk.post("/market/factors/", {}).status_code == 400
    bomb = base64.b64encode(gzip.compress(b"0" * 30_000_000)).decode()
    values = {"action": "store", "key": "us", "unit": "auto"}
    for packed in ("", "é", "x", base64.b64encode(b"\x00").decode(), bomb):
        answer = desk.post("/market/factors/", values | {"packed": packed})
        assert answer.status_code in {302, 422}
    assert FactorSet.objects.get().version == 1


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_loads_files(tmp_path: Path, capsys: Any) -> None:
    paths = [tmp_path / "five.csv", tmp_path / "mom.csv"]
    paths[0].write_bytes(FIVE)
    paths[1].write_bytes(MOMENTUM)
    arguments = [str(path) for path in paths]

    call_command("load_factors", *arguments, "--set", "us", "--name", "US factors", "--currency", "USD")
    assert "48 returns new, 0 changed, 0 the same, 2024-01-02 to 2024-01-10; version 1" in capsys.readouterr().out
    call_command("load_factors", *arguments, "--set", "us")
    assert "0 returns new, 0 changed, 48 the same" in capsys.readouterr().out
    assert FactorSet.objects.get().currency == "USD"

    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_factors", str(tmp_path / "nosuch"), "--set", "us")
    paths[0].write_bytes(b"date,a\nx,1\n")
    with pytest.raises(CommandError, match="Line 2: “x” is no day"):
        call_command("load_factors", str(paths[0]), "--set", "other")
    assert FactorSet.objects.count() == 1


def test_a_file_is_read_the_same_whoever_reads_it() -> None:
    assert read_files([FIVE]).rows == read_files([gzip.compress(FIVE)]).rows


def test_the_admin_shows_sets_and_changes_none(desk: Client, us: FactorSet) -> None:
    listed = desk.get("/admin/analytics/factorset/").content.decode()
    shown = desk.get(f"/admin/analytics/factorset/{us.pk}/change/").content.decode()
    assert "US factors" in listed
    assert "Momentum" in shown
    assert 'name="_save"' not in shown
