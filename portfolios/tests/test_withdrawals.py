"""Corporate actions that a feed has no more: taken back after a yes or by themselves, never for a silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from activity.models import AuditEvent
from assets.models import ActionProposal, Asset, CorporateAction, SymbolMapping
from assets.services.notices import fetch_night
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_past import FakePast, running
from assets.tests.fake_polygon import KEY
from assets.tests.fake_upstream import Reply, as_json
from core.testing import PATIENCE
from portfolios.models import Investment
from portfolios.services.actions import apply_action, void_action
from portfolios.services.proposals import accept_proposal, apply_due, ignore_proposal
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

NOW = datetime(2024, 6, 12, 7, tzinfo=UTC)
EX_DATE = date(2024, 6, 5)
URL, PAGE = "/api/market/action-proposals/", "/market/actions/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def polygon(settings: Any) -> Iterator[FakePast]:
    with running() as fake:
        settings.PRICE_PROVIDERS = ["polygon"]
        settings.POLYGON_URL, settings.POLYGON_API_KEY = fake.url, KEY
        settings.POLYGON_CALLS_PER_MINUTE, settings.POLYGON_TIMEOUT = 0, PATIENCE
        fake.splits = [split()]
        yield fake


@pytest.fixture
def apple(alice: User) -> Asset:
    asset = make_asset("AAPL", exchange=make_exchange("XNYS", ingest_since=date(2024, 6, 1)))
    make_bars(asset, [100, 101, 102, 103], start=date(2024, 6, 3))
    buy(make_portfolio(alice), asset, 10, 100, "2024-06-03")
    return asset


def split(new: int = 4, day: date = EX_DATE, name: str = "s1") -> dict[str, Any]:
    return {"execution_date": str(day), "id": name, "split_from": 1, "split_to": new, "ticker": "AAPL"}


def night(asset: Asset, number: int) -> None:
    """What the night ``number`` after the first finds, and books where that is automatic."""
    now = NOW + timedelta(days=number)
    assert asset.exchange
    fetch_night(asset.exchange, now.date(), [asset.pk], now=now)
    apply_due(now)


def states() -> list[tuple[str, bool]]:
    return list(ActionProposal.objects.order_by("pk").values_list("state", "withdrawal"))


def quantity() -> int:
    return int(Investment.objects.get().quantity)


def booked(asset: Asset, carol: User) -> ActionProposal:
    night(asset, 0)
    return accept_proposal(proposal=ActionProposal.objects.get(), actor=carol, now=NOW)


def test_what_nobody_booked_is_withdrawn_after_two_nights(apple: Asset, polygon: FakePast) -> None:
    night(apple, 0)
    polygon.splits = []
    night(apple, 1)
    assert (states(), ActionProposal.objects.get().missing_since) == ([("proposed", False)], NOW + timedelta(days=1))
    night(apple, 2)
    assert states() == [("withdrawn", False)]
    night(apple, 3)
    assert states() == [("withdrawn", False)]
    polygon.splits = [split()]
    night(apple, 4)
    assert (states(), ActionProposal.objects.get().missing_since) == ([("proposed", False)], None)


def test_one_answer_without_it_is_a_slip(apple: Asset, polygon: FakePast) -> None:
    for number in range(6):
        polygon.splits = [] if number % 2 else [split()]
        night(apple, number)
    assert states() == [("proposed", False)]


def test_the_same_nights_answers_are_one(apple: Asset, polygon: FakePast) -> None:
    night(apple, 0)
    polygon.splits = []
    assert apple.exchange
    for hours in (24, 30, 43):  # a night that is tried again
        now = NOW + timedelta(hours=hours)
        fetch_night(apple.exchange, now.date() + timedelta(days=hours), [apple.pk], now=now)
    assert states() == [("proposed", False)]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(b"", 500),
        Reply(b"", 429),
        Reply(b"", 403),
        Reply(b"<html>"),
        as_json({"status": "OK", "results": None}),
        as_json({"status": "OK", "results": [], "resultsCount": 1}),
        as_json({"status": "NOT_FOUND", "error": "NOT_FOUND"}, 404),
    ],
    ids=["500", "429", "403", "html", "no list", "a list that is cut", "unknown"],
)
def test_no_whole_answer_is_no_withdrawal(apple: Asset, polygon: FakePast, carol: User, answer: Reply) -> None:
    booked(apple, carol)
    polygon.always = answer
    for number in range(1, 5):
        night(apple, number)
    proposal = ActionProposal.objects.get()
    assert (proposal.state, proposal.missing_since, quantity()) == ("applied", None, 40)


def test_what_is_booked_is_voided_after_a_yes(apple: Asset, polygon: FakePast, carol: User) -> None:
    first = booked(apple, carol)
    polygon.splits = []
    for number in range(1, 5):
        night(apple, number)
    assert (states(), quantity()) == ([("applied", False), ("proposed", True)], 40), "once, and not without a yes"
    made = ActionProposal.objects.open().get()
    assert (made.supersedes, made.ratio, made.ex_date, made.external_id) == (first, 4, EX_DATE, "s1")
    accept_proposal(proposal=made, actor=carol, now=NOW)
    assert (states(), quantity()) == ([("withdrawn", False), ("applied", True)], 10)
    assert CorporateAction.objects.get().voided_by == carol
    assert AuditEvent.objects.filter(action="proposal.withdrawn", actor=carol).count() == 1
    night(apple, 5)
    assert states() == [("withdrawn", False), ("applied", True)]


def test_by_itself_where_the_setting_says_so_and_back_again(apple: Asset, polygon: FakePast, settings: Any) -> None:
    settings.FEED_ACTIONS = "automatic"
    night(apple, 0)
    assert quantity() == 40
    polygon.splits = []
    night(apple, 1)
    assert quantity() == 40
    night(apple, 2)
    assert (states(), quantity()) == ([("withdrawn", False), ("applied", True)], 10)
    polygon.splits = [split()]
    night(apple, 3)
    assert (states(), quantity()) == ([("applied", False), ("applied", True)], 40)
    polygon.splits = []
    for number in (4, 5):
        night(apple, number)
    assert (states(), quantity()) == ([("withdrawn", False), ("applied", True)], 10)


def test_what_a_person_booked_before_is_not_voided_by_itself(
    apple: Asset, polygon: FakePast, carol: User, settings: Any
) -> None:
    settings.FEED_ACTIONS = "automatic"
    apply_action(asset=apple, kind="split", ex_date=EX_DATE, ratio=Decimal(4), actor=carol, now=NOW)
    night(apple, 0)
    polygon.splits = []
    for number in range(1, 4):
        night(apple, number)
    assert (states(), quantity()) == ([("applied", False), ("proposed", True)], 40)


@pytest.mark.parametrize(("many", "by_itself"), [(3, True), (4, False)])
def test_a_feed_that_loses_much_at_once_is_not_believed_without_a_yes(
    apple: Asset, polygon: FakePast, settings: Any, many: int, by_itself: bool
) -> None:
    settings.FEED_ACTIONS = "automatic"
    polygon.splits = [split(2, date(2024, 6, 3) + timedelta(days=number), f"s{number}") for number in range(many)]
    night(apple, 0)
    assert quantity() == 10 * 2 ** (many - 1), "the first is of the day of the purchase"
    polygon.splits = []
    for number in (1, 2, 3):
        night(apple, number)
    assert states().count(("applied" if by_itself else "proposed", True)) == many
    assert (quantity() == 10) is by_itself


def test_who_keeps_it_is_not_asked_again(apple: Asset, polygon: FakePast, carol: User) -> None:
    booked(apple, carol)
    polygon.splits = []
    for number in (1, 2):
        night(apple, number)
    ignore_proposal(proposal=ActionProposal.objects.open().get(), actor=carol)
    for number in (3, 4):
        night(apple, number)
    assert (states(), quantity()) == ([("applied", False), ("ignored", True)], 40)


def test_a_withdrawal_is_over_when_the_feed_has_it_again(apple: Asset, polygon: FakePast, carol: User) -> None:
    booked(apple, carol)
    polygon.splits = []
    for number in (1, 2):
        night(apple, number)
    polygon.splits = [split()]
    night(apple, 3)
    assert (states(), quantity()) == ([("applied", False), ("superseded", True)], 40)


def test_what_somebody_voided_is_only_marked(apple: Asset, polygon: FakePast, carol: User) -> None:
    booked(apple, carol)
    void_action(action=CorporateAction.objects.get(), actor=carol)
    polygon.splits = []
    for number in (1, 2):
        night(apple, number)
    assert states() == [("withdrawn", False)]


def test_another_name_of_the_same_event_is_no_withdrawal(apple: Asset, polygon: FakePast, carol: User) -> None:
    booked(apple, carol)
    polygon.splits = [split(name="s2")]
    for number in range(1, 4):
        night(apple, number)
    assert (states(), quantity()) == ([("superseded", False), ("applied", False)], 40)


def test_a_correction_under_another_name_takes_the_place(apple: Asset, polygon: FakePast, settings: Any) -> None:
    settings.FEED_ACTIONS = "automatic"
    night(apple, 0)
    assert quantity() == 40
    polygon.splits = [split(5, name="s2")]
    night(apple, 1)
    waiting = ActionProposal.objects.open().get()
    assert (waiting.problem, quantity()) == ("The asset has such an action on that day already.", 40)
    night(apple, 2)
    assert (states(), quantity()) == ([("superseded", False), ("applied", False)], 50)
    night(apple, 3)
    assert (states(), quantity()) == ([("superseded", False), ("applied", False)], 50)


def test_a_correction_under_another_name_after_a_yes(apple: Asset, polygon: FakePast, carol: User) -> None:
    first = booked(apple, carol)
    polygon.splits = []
    for number in (1, 2):
        night(apple, number)
    assert states() == [("applied", False), ("proposed", True)]
    polygon.splits = [split(5, name="s2")]
    night(apple, 3)
    assert states() == [("applied", False), ("superseded", True), ("proposed", False)], "one question, not two"
    waiting = ActionProposal.objects.open().get()
    assert (waiting.supersedes, quantity()) == (first, 40)
    polygon.splits = [split(), split(5, name="s2")]
    night(apple, 4)
    waiting.refresh_from_db()
    assert waiting.supersedes is None, "both are there: it corrects nothing"
    polygon.splits = [split(5, name="s2")]
    for number in (5, 6):
        night(apple, number)
    accept_proposal(proposal=waiting, actor=carol, now=NOW)
    assert (states()[0], states()[2], quantity()) == (("superseded", False), ("applied", False), 50)


def test_a_correction_does_not_undo_what_a_person_keeps(
    apple: Asset, polygon: FakePast, carol: User, settings: Any
) -> None:
    booked(apple, carol)
    polygon.splits = []
    for number in (1, 2):
        night(apple, number)
    ignore_proposal(proposal=ActionProposal.objects.open().get(), actor=carol)
    settings.FEED_ACTIONS, polygon.splits = "automatic", [split(5, name="s2")]
    for number in (3, 4):
        night(apple, number)
    assert (states(), quantity()) == ([("applied", False), ("ignored", True), ("proposed", False)], 40)


def test_what_was_in_the_way_is_voided(apple: Asset, polygon: FakePast, carol: User, settings: Any) -> None:
    settings.FEED_ACTIONS = "automatic"
    other = apply_action(asset=apple, kind="split", ex_date=EX_DATE, ratio=Decimal(2), actor=carol, now=NOW)
    night(apple, 0)
    assert (ActionProposal.objects.get().state, quantity()) == ("proposed", 20)
    void_action(action=other, actor=carol)
    assert ActionProposal.objects.get().problem == ""
    assert (apply_due(NOW), quantity()) == (1, 40)


def test_another_day_is_a_withdrawal_and_a_new_notice(apple: Asset, polygon: FakePast, settings: Any) -> None:
    """A feed without names of its own, such as Yahoo's, tells actions apart by their day."""
    settings.FEED_ACTIONS = "automatic"
    night(apple, 0)
    polygon.splits = [split(day=date(2024, 6, 6), name="s2")]
    night(apple, 1)
    night(apple, 2)
    assert quantity() == 40
    assert CorporateAction.objects.get(voided_at=None).ex_date == date(2024, 6, 6)


def test_a_symbol_that_the_feed_does_not_know_any_more(apple: Asset, polygon: FakePast, carol: User) -> None:
    booked(apple, carol)
    SymbolMapping.objects.create(asset=apple, provider="polygon", symbol="NOSUCH")
    for number in (1, 2, 3):
        night(apple, number)
    assert (states(), quantity()) == ([("applied", False)], 40), "an answer about another symbol is refused"


def test_what_went_ex_while_the_server_was_off_is_found(apple: Asset, polygon: FakePast) -> None:
    night(apple, 0)
    asked = len(polygon.calls)
    night(apple, 200)
    starts = [call.asked("execution_date.gte") for call in polygon.calls[asked:] if "splits" in call.path]
    assert starts == ["2024-05-13"], "one question, from 30 days before the last night that was done"
    night(apple, 201)
    assert polygon.calls[-2].asked("execution_date.gte") == "2024-11-29"
    night(apple, 3000)
    assert polygon.calls[-2].asked("execution_date.gte") == str(NOW.date() + timedelta(days=3000 - 730))


def test_staff_sees_and_voids(apple: Asset, polygon: FakePast, api: Callable[[User], APIClient], carol: User) -> None:
    booked(apple, carol)
    polygon.splits = []
    for number in (1, 2):
        night(apple, number)
    client = api(carol)
    [row] = client.get(URL, {"withdrawal": "true"}).json()["results"]
    assert (row["withdrawal"], row["state"], row["ratio"]) == (True, "proposed", "4")
    staff = Client()
    staff.force_login(carol)
    page = staff.get(PAGE).content.decode()
    assert "is booked, and the feed has it no more" in page
    assert "Void<span" in page
    answer = staff.post(PAGE, {"proposal": row["id"], "action": "accept"}, follow=True)
    assert "Split of AAPL: it is voided." in answer.content.decode()
    assert quantity() == 10
    assert client.post(f"{URL}{row['id']}/accept/").status_code == 400
