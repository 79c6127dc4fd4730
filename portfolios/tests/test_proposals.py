"""Corporate actions from a feed: proposed once each, booked on a yes or by themselves, corrected."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from activity.models import AuditEvent
from assets.models import ActionProposal, Asset, CorporateAction, HistoricValue, QuarantinedBar
from assets.providers.base import ActionNotice, Bar
from assets.quality import Doubt, Reason, Refusal
from assets.services.actions import DuplicateAction
from assets.services.notices import note
from assets.services.quarantine import keep
from assets.tests.factories import make_asset, make_bars
from portfolios.models import Investment, Portfolio
from portfolios.queries import held_assets
from portfolios.services.actions import apply_action
from portfolios.services.proposals import ProposalDecided, accept_proposal, apply_due, ignore_proposal
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

NOW = datetime(2024, 1, 10, 7, tzinfo=UTC)
DAY = timedelta(days=1)
SPLIT = ActionNotice("AAPL", "split", date(2024, 1, 5), "s1", ratio=Decimal(4))
DIVIDEND = ActionNotice("AAPL", "cash_dividend", date(2024, 1, 4), "d1", cash=Decimal("0.24"), currency="USD")

pytestmark = pytest.mark.django_db


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, {date(2024, 1, 2): 100, date(2024, 1, 3): 101, date(2024, 1, 4): 102})
    return asset


@pytest.fixture
def portfolio(apple: Asset, alice: User) -> Portfolio:
    made = make_portfolio(alice)
    buy(made, apple, 10, 100, "2024-01-02")
    return made


def announce(asset: Asset, *notices: ActionNotice, provider: str = "feed", now: datetime = NOW) -> int:
    return note(asset, notices, provider=provider, now=now)


def states() -> list[str]:
    return list(ActionProposal.objects.order_by("pk").values_list("state", flat=True))


def quantity() -> Decimal:
    return Investment.objects.get().quantity


def test_a_notice_is_proposed_once_however_often_the_feed_repeats_it(portfolio: Portfolio, apple: Asset) -> None:
    assert announce(apple, SPLIT, DIVIDEND) == 2
    for days in range(1, 4):
        assert announce(apple, SPLIT, DIVIDEND, SPLIT, now=NOW + days * DAY) == 0
    assert states() == ["proposed", "proposed"]
    split = ActionProposal.objects.get(kind="split")
    assert (split.ratio, split.per, split.ex_date) == (4, 1, date(2024, 1, 5))
    assert (split.first_seen, split.last_seen) == (NOW, NOW + 3 * DAY)
    assert not CorporateAction.objects.exists(), "nothing is booked without a yes"
    assert apply_due(NOW) == 0
    assert quantity() == 10


@pytest.mark.parametrize(
    ("ratio", "kind", "terms"),
    [
        ("4", "split", (4, 1)),
        ("1.5", "split", (3, 2)),
        ("0.3333333333", "reverse_split", (1, 3)),
        ("0.3333", "reverse_split", (1, 3)),
        ("0.0667", "reverse_split", (1, 15)),
        ("1.05", "split", (21, 20)),
        ("1.0123", "split", (Decimal("1.0123"), 1)),
        ("0.04", "reverse_split", (1, 25)),
        ("1.0123456789", "split", (Decimal("1.0123456789"), 1)),
    ],
)
def test_ratios_come_as_whole_numbers(apple: Asset, ratio: str, kind: str, terms: tuple[Any, Any]) -> None:
    announce(apple, replace(SPLIT, ratio=Decimal(ratio)))
    made = ActionProposal.objects.get()
    assert (made.kind, (made.ratio, made.per)) == (kind, terms)


@pytest.mark.parametrize(
    "change",
    [
        {"ratio": Decimal(0)},
        {"ratio": Decimal(-2)},
        {"ratio": Decimal("NaN")},
        {"ratio": Decimal("Infinity")},
        {"ratio": Decimal("1E+999999")},
        {"ratio": Decimal("1E-999999")},
        {"ratio": Decimal(1)},
        {"ratio": None},
        {"ratio": None, "cash": Decimal("NaN")},
        {"ratio": None, "cash": Decimal(-1)},
        {"cash": Decimal(1)},
        {"external_id": ""},
    ],
)
def test_a_notice_that_makes_no_sense_is_left_alone(apple: Asset, change: dict[str, Any]) -> None:
    assert announce(apple, replace(SPLIT, **change)) == 0
    assert not ActionProposal.objects.exists()


def test_a_yes_books_it_to_every_holder(portfolio: Portfolio, apple: Asset, carol: User) -> None:
    announce(apple, SPLIT)
    made = accept_proposal(proposal=ActionProposal.objects.get(), actor=carol, now=NOW)
    assert (made.state, made.decided_by, quantity()) == ("applied", carol, Decimal(40))
    assert made.action == CorporateAction.objects.get()
    assert AuditEvent.objects.filter(action="proposal.applied", actor=carol).count() == 1
    for decide in (accept_proposal, ignore_proposal):
        with pytest.raises(ProposalDecided):
            decide(proposal=made, actor=carol)
    announce(apple, SPLIT, now=NOW + DAY)
    assert (states(), quantity()) == (["applied"], 40)


def test_what_is_ignored_is_not_proposed_again(portfolio: Portfolio, apple: Asset, carol: User) -> None:
    announce(apple, SPLIT)
    ignore_proposal(proposal=ActionProposal.objects.get(), actor=carol)
    announce(apple, SPLIT, now=NOW + DAY)
    assert (states(), quantity()) == (["ignored"], 10)


def test_automatically(portfolio: Portfolio, apple: Asset, settings: Any) -> None:
    settings.FEED_ACTIONS = "automatic"
    announce(apple, SPLIT, DIVIDEND)
    assert apply_due(NOW) == 2
    assert apply_due(NOW) == 0
    assert (states(), quantity()) == (["applied", "applied"], 40)
    assert Investment.objects.get().income == Decimal("2.4")
    assert CorporateAction.objects.filter(created_by=None).count() == 2


@pytest.mark.parametrize("setting", ["ask", "automatic"])
def test_nothing_is_booked_before_its_day(
    portfolio: Portfolio, apple: Asset, carol: User, settings: Any, setting: str
) -> None:
    settings.FEED_ACTIONS = setting
    announce(apple, replace(SPLIT, ex_date=date(2024, 1, 12)))
    if setting == "ask":
        made = accept_proposal(proposal=ActionProposal.objects.get(), actor=carol, now=NOW)
        assert (made.state, made.accepted_at) == ("proposed", NOW)
    for now in (NOW, datetime(2024, 1, 12, 4, 59, tzinfo=UTC)):  # 23:59 of the day before in New York
        assert apply_due(now) == 0
    assert quantity() == 10
    assert apply_due(datetime(2024, 1, 12, 5, tzinfo=UTC)) == 1
    assert quantity() == 40
    assert ActionProposal.objects.get().decided_by == (carol if setting == "ask" else None)


def test_a_corrected_notice_supersedes_the_one_that_nobody_booked(
    portfolio: Portfolio, apple: Asset, carol: User
) -> None:
    announce(apple, SPLIT)
    assert announce(apple, replace(SPLIT, ratio=Decimal(2)), now=NOW + DAY) == 1
    assert states() == ["superseded", "proposed"]
    newest = ActionProposal.objects.order_by("-pk")[0]
    assert newest.supersedes_id == ActionProposal.objects.order_by("pk")[0].pk
    accept_proposal(proposal=newest, actor=carol, now=NOW + DAY)
    assert quantity() == 20


def test_a_corrected_notice_takes_back_what_was_booked_after_a_yes(
    portfolio: Portfolio, apple: Asset, carol: User
) -> None:
    announce(apple, SPLIT)
    accept_proposal(proposal=ActionProposal.objects.get(), actor=carol, now=NOW)
    corrected = replace(SPLIT, ratio=Decimal(2), ex_date=date(2024, 1, 4))
    assert announce(apple, corrected, now=NOW + DAY) == 1
    assert (states(), quantity()) == (["applied", "proposed"], 40), "not without a yes"
    assert apply_due(NOW + DAY) == 0
    accept_proposal(proposal=ActionProposal.objects.open().get(), actor=carol, now=NOW + DAY)
    assert (states(), quantity()) == (["superseded", "applied"], 20)
    assert [action.voided_at is None for action in CorporateAction.objects.order_by("pk")] == [False, True]


def test_a_correction_is_booked_by_itself_where_the_setting_says_so(
    portfolio: Portfolio, apple: Asset, settings: Any
) -> None:
    settings.FEED_ACTIONS = "automatic"
    announce(apple, SPLIT)
    apply_due(NOW)
    announce(apple, replace(SPLIT, ratio=Decimal(2)), now=NOW + DAY)
    assert apply_due(NOW + DAY) == 1
    assert (states(), quantity()) == (["superseded", "applied"], 20)


def test_a_feed_that_takes_its_correction_back(portfolio: Portfolio, apple: Asset, carol: User) -> None:
    announce(apple, SPLIT)
    accept_proposal(proposal=ActionProposal.objects.get(), actor=carol, now=NOW)
    announce(apple, replace(SPLIT, ratio=Decimal(2)), now=NOW + DAY)
    assert announce(apple, SPLIT, now=NOW + 2 * DAY) == 0
    assert (states(), quantity()) == (["applied", "superseded"], 40)
    announce(apple, replace(SPLIT, ratio=Decimal(2)), now=NOW + 3 * DAY)
    assert states() == ["applied", "proposed"], "it is open again"


def test_two_feeds_announce_one_event(portfolio: Portfolio, apple: Asset) -> None:
    announce(apple, SPLIT, DIVIDEND)
    other = [replace(SPLIT, external_id="x9"), replace(DIVIDEND, external_id="x8", cash=Decimal("0.2400"))]
    assert announce(apple, *other, provider="other") == 0
    assert len(states()) == 2


def test_two_dividends_of_one_day_are_two(apple: Asset) -> None:
    special = replace(DIVIDEND, external_id="d2", cash=Decimal(1))
    assert announce(apple, DIVIDEND, special) == 2


def test_what_somebody_booked_before_is_known(portfolio: Portfolio, apple: Asset, carol: User) -> None:
    action = apply_action(
        asset=apple, kind="split", ex_date=SPLIT.ex_date, ratio=Decimal(8), per=Decimal(2), actor=carol
    )
    assert announce(apple, SPLIT) == 0
    made = ActionProposal.objects.get()
    assert (made.state, made.action, quantity()) == ("applied", action, 40)


def test_what_cannot_be_booked_says_why_and_waits(
    portfolio: Portfolio, apple: Asset, carol: User, settings: Any
) -> None:
    apply_action(asset=apple, kind="split", ex_date=SPLIT.ex_date, ratio=Decimal(2), actor=carol)
    settings.FEED_ACTIONS = "automatic"
    announce(apple, SPLIT)
    assert apply_due(NOW) == 0
    made = ActionProposal.objects.get()
    assert (made.state, made.problem) == ("proposed", "The asset has such an action on that day already.")
    with pytest.raises(DuplicateAction):
        accept_proposal(proposal=made, actor=carol, now=NOW)
    assert (states(), quantity()) == (["proposed"], 20)


@pytest.mark.parametrize("basis", ["total_return", "split_adjusted"])
def test_what_is_in_the_prices_is_not_proposed(basis: str) -> None:
    demo = make_asset("DEMO", price_basis=basis)
    announce(demo, SPLIT)
    made = ActionProposal.objects.get()
    assert (made.state, made.problem) == ("ignored", "The prices of this asset include it already.")


def doubt(asset: Asset, close: int) -> QuarantinedBar:
    bar = Bar(asset.symbol, SPLIT.ex_date, Decimal(close))
    keep([(asset.pk, "feed", Doubt(bar, Refusal(Reason.JUMP, "a jump")))], now=NOW)
    return QuarantinedBar.objects.get()


def test_a_split_from_the_feed_explains_the_jump_of_its_day(portfolio: Portfolio, apple: Asset, carol: User) -> None:
    doubt(apple, 26)
    announce(apple, SPLIT)
    accept_proposal(proposal=ActionProposal.objects.get(), actor=carol, now=NOW)
    bar = QuarantinedBar.objects.get()
    assert (bar.state, bar.decided_by) == ("accepted", None)
    adjusted = dict(HistoricValue.objects.values_list("day", "adjusted_close"))
    assert (adjusted[date(2024, 1, 4)], adjusted[SPLIT.ex_date]) == (Decimal("25.5"), Decimal(26))


def test_a_split_of_another_ratio_explains_nothing(portfolio: Portfolio, apple: Asset, carol: User) -> None:
    doubt(apple, 26)
    apply_action(asset=apple, kind="split", ex_date=SPLIT.ex_date, ratio=Decimal("1.25"), actor=carol)
    assert QuarantinedBar.objects.get().state == "open"
    assert not HistoricValue.objects.filter(day=SPLIT.ex_date).exists()


def test_only_what_is_held_is_asked_for(portfolio: Portfolio, apple: Asset) -> None:
    make_asset("MSFT")
    assert held_assets() == {apple.pk}
    sell(portfolio, apple, 10, 100, "2024-01-03")
    assert held_assets() == set()
