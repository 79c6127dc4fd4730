"""The history as it was known at an instant, over several restatements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from assets.models import Asset, CorporateAction, HistoricValue, PriceRevision
from assets.revisions import history_known_at
from assets.tests.factories import make_asset, make_bars
from users.models import User

DAY, NEXT = date(2024, 5, 30), date(2024, 5, 31)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


def stored(asset: Asset, *closes: int, source: str = "test") -> datetime:
    """Store DAY and NEXT; an instant after it."""
    make_bars(asset, dict(zip((DAY, NEXT), closes, strict=False)), source=source)
    return timezone.now()


def known(asset: Asset, instant: datetime) -> list[int]:
    return [int(bar.close) for bar in history_known_at(asset, instant)]


def test_what_was_known_over_several_restatements(apple: Asset) -> None:
    before = timezone.now()
    instants = [stored(apple, 100), stored(apple, 100, 110), stored(apple, 101, 110), stored(apple, 102, 112)]
    last = stored(apple, 102, 112, source="other")
    assert known(apple, before) == []
    assert [known(apple, instant) for instant in instants] == [[100], [100, 110], [101, 110], [102, 112]]
    assert known(apple, last) == [102, 112]
    assert [bar.source for bar in history_known_at(apple, instants[-1])] == ["test", "test"]
    assert [bar.source for bar in history_known_at(apple, last)] == ["other", "other"]


def test_a_bar_is_known_from_the_instant_that_the_old_one_was_replaced(apple: Asset) -> None:
    stored(apple, 100)
    stored(apple, 101)
    revision, bar = PriceRevision.objects.get(), HistoricValue.objects.get()
    assert revision.replaced_at == bar.recorded_at
    assert bar.recorded_at
    assert known(apple, bar.recorded_at) == [101]
    assert known(apple, bar.recorded_at - timedelta(microseconds=1)) == [100]


def test_what_was_stored_before_instants_were_kept_counts_as_always_known(apple: Asset) -> None:
    stored(apple, 100, 110)
    HistoricValue.objects.update(recorded_at=None)
    assert known(apple, BEGINNING) == [100, 110]
    after = stored(apple, 101, 110)
    assert (known(apple, BEGINNING), known(apple, after)) == ([100, 110], [101, 110])


def test_adjusted_closes_are_those_of_the_actions_that_were_recorded(apple: Asset) -> None:
    before = stored(apple, 100, 25)
    split = CorporateAction.objects.create(asset=apple, kind="split", ex_date=NEXT, ratio=Decimal(4), per=Decimal(1))
    during = timezone.now()
    CorporateAction.objects.filter(pk=split.pk).update(voided_at=timezone.now())
    after = timezone.now()
    adjusted = [[bar.adjusted_close for bar in history_known_at(apple, at)] for at in (before, during, after)]
    assert adjusted == [[100, 25], [25, 25], [100, 25]]


@pytest.fixture
def client(api: Callable[[User], APIClient], alice: User) -> APIClient:
    return api(alice)


def test_over_the_api(apple: Asset, client: APIClient) -> None:
    first = stored(apple, 100, 110)
    stored(apple, 101, 110)
    url, then = "/api/assets/AAPL/history/", first.isoformat().replace("+00:00", "Z")
    answer = client.get(url, {"known_at": then}).json()
    assert (answer["count"], [bar["close"] for bar in answer["results"]]) == (2, ["100", "110"])
    assert [bar["close"] for bar in client.get(url).json()["results"]] == ["101", "110"]
    newest = client.get(url, {"known_at": then, "ordering": "-day", "limit": "1"}).json()["results"]
    assert [bar["day"] for bar in newest] == ["2024-05-31"]
    assert client.get(url, {"known_at": then, "end": "2024-05-30"}).json()["count"] == 1
    assert client.get(url, {"known_at": "2000-01-01T00:00:00Z"}).json()["count"] == 0


@pytest.mark.parametrize("text", ["2024-01-01", "yesterday", "2024-01-01T10:00:00", "NaN", "2024-13-01T00:00:00Z"])
def test_an_instant_is_written_in_full(apple: Asset, client: APIClient, text: str) -> None:
    answer = client.get("/api/assets/AAPL/history/", {"known_at": text})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["known_at"])
