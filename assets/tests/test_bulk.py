"""Many rows at once, on whichever database the tests run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from activity.models import IdempotencyKey, Job
from assets.models import Asset, Exchange, HistoricValue, PriceRevision
from core import bulk
from core.fields import TooManyDigits
from users.models import User

DAY = date(2024, 5, 31)
BAR = ("asset", "day", "close", "volume", "source", "version")
EXCHANGE = ("code", "name", "calendar", "time_zone", "ingest_at", "ingest_zone", "ingest_since")

pytestmark = pytest.mark.django_db


@pytest.fixture
def asset(db: None) -> Asset:
    return Asset.objects.create(symbol="AAPL", name="Apple", currency="USD")


def upsert_bars(*rows: tuple[object, ...]) -> int:
    return bulk.upsert(HistoricValue, BAR, rows, unique=("asset", "day"))


def test_new_rows_are_added_and_known_ones_changed(asset: Asset) -> None:
    assert upsert_bars((asset.pk, DAY, Decimal("1.5"), None, "a", 1)) == 1
    first = HistoricValue.objects.get()
    other = date(2024, 6, 3)
    assert (
        upsert_bars((asset.pk, DAY, Decimal(2), Decimal(7), "b", 2), (asset.pk, other, Decimal(3), None, "b", 2)) == 2
    )
    bar, new = HistoricValue.objects.order_by("day")
    assert (bar.pk, bar.close, bar.volume, bar.source, bar.version) == (first.pk, Decimal(2), Decimal(7), "b", 2)
    assert (new.day, new.close, new.volume) == (other, Decimal(3), None)


def test_an_older_row_does_not_replace_a_newer_one(asset: Asset) -> None:
    def write(close: int, version: int) -> None:
        row = (asset.pk, DAY, Decimal(close), None, "a", version)
        bulk.upsert(HistoricValue, BAR, [row], unique=("asset", "day"), newer=("version",))

    for close, version in [(1, 5), (2, 4), (3, 5), (4, 6), (5, 1)]:
        write(close, version)
    assert HistoricValue.objects.values_list("close", "version").get() == (Decimal(4), 6)


def test_no_rows() -> None:
    assert upsert_bars() == 0


@pytest.mark.parametrize(
    "name",
    ["tab\there", "two\nlines", "back\\slash", "\\N", "\\.", "“quotes” 'and' \"more\"", "", "%s", "é漢😀", "cr\rlf"],
)
def test_any_text_comes_back_as_it_was(name: str) -> None:
    bulk.insert(Exchange, EXCHANGE, [("X", name, "24/7", "UTC", datetime(2024, 1, 1, 3).time(), "UTC", None)])  # noqa: DTZ001
    assert Exchange.objects.get().name == name
    assert Exchange.objects.get().ingest_since is None


def test_every_digit_is_kept(asset: Asset) -> None:
    closes = [Decimal("0.0000000001"), Decimal("99999.9999999999"), Decimal(123456789012345), Decimal("1E+3")]
    upsert_bars(*((asset.pk, date(2024, 1, day), close, None, "a", 0) for day, close in enumerate(closes, start=1)))
    assert list(HistoricValue.objects.order_by("day").values_list("close", flat=True)) == closes


def test_instants_are_kept(asset: Asset) -> None:
    at = datetime(2024, 5, 31, 12, 30, 15, 123456, tzinfo=UTC)
    columns = ("asset", "day", "close", "source", "version", "replaced_at")
    assert bulk.insert(PriceRevision, columns, [(asset.pk, DAY, Decimal(1), "a", 3, at)]) == 1
    assert PriceRevision.objects.get().replaced_at == at


def test_a_column_refuses_in_bulk_what_it_refuses_singly(asset: Asset) -> None:
    long = Decimal("1234567890.1234567891")
    if connection.vendor == "sqlite":
        with pytest.raises(TooManyDigits):
            upsert_bars((asset.pk, DAY, long, None, "a", 0))
    else:
        upsert_bars((asset.pk, DAY, long, None, "a", 0))
        assert HistoricValue.objects.get().close == long


@pytest.mark.parametrize(
    ("close", "asset_id"),
    [
        pytest.param(Decimal(0), None, id="a check"),
        pytest.param(None, None, id="not null"),
        pytest.param(Decimal(1), 10**9, id="a foreign key"),
    ],
)
def test_constraints_hold_and_nothing_is_stored(asset: Asset, close: Decimal | None, asset_id: int | None) -> None:
    good = (asset.pk, date(2024, 6, 3), Decimal(1), None, "a", 0)

    def write_and_check() -> None:
        upsert_bars(good, (asset_id or asset.pk, DAY, close, None, "a", 0))
        connection.check_constraints()  # a foreign key is checked at commit, which a test does not reach

    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        write_and_check()
    assert not HistoricValue.objects.exists()


def test_the_same_key_twice_is_no_upsert_on_postgresql(asset: Asset) -> None:
    rows = [(asset.pk, DAY, Decimal(1), None, "a", 0), (asset.pk, DAY, Decimal(2), None, "a", 0)]
    if connection.vendor == "sqlite":
        upsert_bars(*rows)
        assert HistoricValue.objects.get().close == 2
    else:
        with pytest.raises(DataError.__mro__[1]), transaction.atomic():
            upsert_bars(*rows)


def test_json_comes_back_as_it_was() -> None:
    columns = ("id", "kind", "state", "done", "total", "message", "result", "created_at")
    tree = {"“key”": [1, None, "tab\t", {"deep": 1.5}]}
    bulk.insert(Job, columns, [(UUID(int=7), "test", "queued", 0, 1, "", tree, datetime(2024, 5, 31, tzinfo=UTC))])
    assert Job.objects.get().result == tree


def test_bytes_come_back_as_they_were(alice: User) -> None:
    body = bytes(range(256)) + b"\\N\t\n"
    columns = ("user", "key", "fingerprint", "headers", "body", "created_at")

    bulk.insert(IdempotencyKey, columns, [(alice.pk, "k", "", {}, body, timezone.now())])

    assert bytes(IdempotencyKey.objects.get().body) == body


def test_rows_are_read_one_at_a_time(asset: Asset) -> None:
    rows = (
        (asset.pk, date.fromordinal(700_000 + number), Decimal(number + 1), None, "a", 0) for number in range(5_000)
    )
    assert bulk.upsert(HistoricValue, BAR, rows, unique=("asset", "day")) == 5_000
    assert HistoricValue.objects.count() == 5_000
