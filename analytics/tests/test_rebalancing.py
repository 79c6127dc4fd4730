"""Proposals: booked, they find exactly the lots, disposals and gains that they foresaw; kept, discarded, taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from activity.models import AuditEvent
from analytics.models import RebalanceProposal, RebalanceState
from analytics.proposed import as_json, from_json
from analytics.queries.proposals import mark_moved_prices
from analytics.services.rebalancing import (
    BookChanged,
    CashMissing,
    NothingProposed,
    PricesMoved,
    ProposalBooked,
    ProposalDiscarded,
    ProposalNotBooked,
    ProposalTakenBack,
    book_proposal,
    discard_proposal,
    preview_rebalance,
    save_proposal,
    take_back_proposal,
    trades_of,
)
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import CashTransaction, Section
from core.errors import DomainError
from portfolios.book.allocation import Bands, Mode
from portfolios.book.lot_choice import Taxation
from portfolios.book.rebalance import Fees, Options
from portfolios.models import CostMethod, Disposal, Portfolio, Trade
from portfolios.queries.drift import PriceMissing
from portfolios.services.methods import change_method
from portfolios.services.rebalancing import NoTargets, Request
from portfolios.services.targets import NewTarget
from portfolios.services.trades import void_trade
from portfolios.services.verification import findings
from portfolios.tests.factories import buy, derived_rows, make_portfolio, sell
from users.models import User

NOW = datetime(2026, 6, 1, 14, tzinfo=UTC)
DAY = date(2026, 5, 29)
METHODS = [method.value for method in CostMethod]
RATES = Taxation(short_rate=Decimal("0.35"), long_rate=Decimal("0.15"))


@pytest.fixture
def assets(db: None) -> dict[str, Asset]:
    """Shares in dollars, euros and pence, and a coin, with rates that moved."""
    made = {
        "AAA": make_asset("AAA"),
        "BBB": make_asset("BBB", currency="EUR"),
        "CCC": make_asset("CCC", currency="GBP", price_factor=Decimal("0.01")),
        "BTC": make_asset("BTC", type="crypto", exchange=None),
        "NEW": make_asset("NEW"),
    }
    closes = {"AAA": "120", "BBB": "88.5", "CCC": "2050", "BTC": "61234.56", "NEW": "33.33"}
    for symbol, close in closes.items():
        make_bars(made[symbol], {DAY: close})
    make_rate("EURUSD", {date(2023, 1, 2): "1.06", date(2025, 9, 1): "1.17", DAY: "1.0837"})
    make_rate("GBPUSD", {date(2023, 1, 2): "1.21", date(2025, 9, 1): "1.35", DAY: "1.2711"})
    return made


def book_of(portfolio: Portfolio, assets: dict[str, Asset]) -> Portfolio:
    """Lots of different age and cost, one of them used up in part."""
    buy(portfolio, assets["AAA"], 30, 60, "2023-02-01", fee=Decimal("4.99"))
    buy(portfolio, assets["AAA"], 25, 130, "2025-10-01")
    buy(portfolio, assets["AAA"], 20, 90, "2026-02-02")
    sell(portfolio, assets["AAA"], 7, 100, "2026-03-02")
    buy(portfolio, assets["BBB"], 40, "51.37", "2023-03-01", fee=Decimal("3.33"))
    buy(portfolio, assets["BBB"], 33, "95.11", "2025-11-03")
    buy(portfolio, assets["CCC"], 100, 1500, "2023-04-03", tax=Decimal("7.50"))
    buy(portfolio, assets["CCC"], 90, 2200, "2026-01-05")
    buy(portfolio, assets["BTC"], "0.12345678", 40000, "2024-01-05")
    portfolio.refresh_from_db()
    return portfolio


@pytest.fixture
def portfolio(alice: User, assets: dict[str, Asset], request: pytest.FixtureRequest) -> Portfolio:
    method = getattr(request, "param", "fifo")
    return book_of(make_portfolio(alice, base_currency="USD", cost_method=method), assets)


def request_of(assets: dict[str, Asset], weights: dict[str, str], **values: Any) -> Request:
    targets = [NewTarget(assets[symbol], Decimal(weight)) for symbol, weight in weights.items()]
    return Request(targets, **{"taxation": RATES} | values)


LESS = {"AAA": "0.2", "BBB": "0.15", "CCC": "0.05", "BTC": "0.3", "NEW": "0.3"}
FEES = Options(fees=Fees(Decimal("2.5"), Decimal("0.001")))


def told(proposal: RebalanceProposal) -> dict[str, Any]:
    found: dict[str, Any] = from_json(proposal.result)
    return found


@pytest.mark.parametrize("portfolio", METHODS, indirect=True)
@pytest.mark.parametrize("base", ["USD", "EUR"])
def test_booking_finds_the_lots_and_gains_that_were_foreseen(
    portfolio: Portfolio, assets: dict[str, Asset], base: str, alice: User
) -> None:
    if base == "EUR":
        portfolio = book_of(
            make_portfolio(alice, "Euro", base_currency=base, cost_method=portfolio.cost_method), assets
        )
    earlier = set(Disposal.objects.values_list("pk", flat=True))
    proposal = save_proposal(portfolio=portfolio, request=request_of(assets, LESS, options=FEES), actor=alice, now=NOW)
    found = told(proposal)
    _, trades = book_proposal(proposal=proposal, actor=alice, now=NOW)
    made = list(Disposal.objects.exclude(pk__in=earlier).select_related("portfolio"))
    foreseen = [
        (trade.pk, *(lot[name] for name in ("opened_by", "opened_on", "quantity", "proceeds", "cost", "gain")))
        for trade, row in zip(trades, found["trades"], strict=True)
        for lot in row["lots"]
    ]
    booked = [
        (one.trade_id, one.opened_by_id, one.opened_on, one.quantity, one.proceeds_base, one.cost_base, one.gain_base)
        for one in made
    ]
    assert sorted(foreseen) == sorted(booked)
    assert len(foreseen) >= 3
    assert found["gain_long"] == sum(one.gain_base for one in made if one.long_term)
    assert found["gain_short"] == sum(one.gain_base for one in made if not one.long_term)
    tax = found["gain_short"] * Decimal("0.35") + found["gain_long"] * Decimal("0.15")
    assert found["tax"] == tax.quantize(Decimal("0.0001"))
    assert not list(findings())


@pytest.mark.parametrize("portfolio", ["specific"], indirect=True)
def test_picked_lots_realise_less_than_pro_rata_and_than_the_method(
    portfolio: Portfolio, assets: dict[str, Asset]
) -> None:
    found = preview_rebalance(portfolio=portfolio, request=request_of(assets, LESS), now=NOW)
    gains = {way: row["gain"] for way, row in found["comparison"].items()}
    assert gains["proposed"] == found["gain"] == gains["least"]
    assert gains["proposed"] < gains["pro_rata"] - 100
    assert gains["proposed"] < gains["method"] - 100
    assert all(row["picked"] for row in found["trades"] if row["kind"] == "sell")


@pytest.mark.parametrize("portfolio", ["fifo", "lifo", "hifo", "average"], indirect=True)
def test_elsewhere_the_book_decides_and_what_picking_would_save_is_told(
    portfolio: Portfolio, assets: dict[str, Asset]
) -> None:
    found = preview_rebalance(portfolio=portfolio, request=request_of(assets, LESS), now=NOW)
    gains = {way: row["gain"] for way, row in found["comparison"].items()}
    assert gains["proposed"] == gains["method"] == found["gain"]
    assert gains["least"] <= gains["proposed"]
    assert (gains["least"] < gains["proposed"] - 100) == (portfolio.cost_method in {"fifo", "lifo"})
    assert not any(row["picked"] for row in found["trades"])


def test_a_change_of_the_method_counts_from_its_day(
    portfolio: Portfolio, assets: dict[str, Asset], alice: User
) -> None:
    change_method(portfolio=portfolio, method="specific", day=date(2026, 5, 1), actor=alice)
    found = preview_rebalance(portfolio=portfolio, request=request_of(assets, LESS), now=NOW)
    assert found["method"] == "specific"
    assert any(row["picked"] for row in found["trades"])


def test_weights_come_near_their_targets(portfolio: Portfolio, assets: dict[str, Asset]) -> None:
    found = preview_rebalance(portfolio=portfolio, request=request_of(assets, LESS), now=NOW)
    for row in found["drift"]:
        assert abs(row["drift_after"]) < Decimal("0.01")
    assert sum(row["weight_after"] for row in found["drift"]) == pytest.approx(Decimal(1))
    assert found["cash_after"] >= 0
    assert found["as_of"] == DAY
    assert [row["asset"] for row in found["drift"]] == ["AAA", "BBB", "BTC", "CCC", "NEW", None]


def test_what_has_no_target_is_sold_or_left_alone(portfolio: Portfolio, assets: dict[str, Asset]) -> None:
    sold = preview_rebalance(portfolio=portfolio, request=request_of(assets, {"AAA": "1"}), now=NOW)
    assert {row["asset"]: row["kind"] for row in sold["trades"]} == {
        **dict.fromkeys(("BBB", "CCC", "BTC"), "sell"),
        "AAA": "buy",
    }
    assert next(row["quantity"] for row in sold["trades"] if row["asset"] == "BTC") == Decimal("0.12345678")
    kept = preview_rebalance(portfolio=portfolio, request=request_of(assets, {"AAA": "1"}, keep_others=True), now=NOW)
    assert kept["trades"] == []


def test_lot_sizes_and_fractions(portfolio: Portfolio, assets: dict[str, Asset]) -> None:
    request = request_of(assets, LESS, whole=False)
    found = preview_rebalance(portfolio=portfolio, request=request, now=NOW)
    assert any(row["quantity"] % 1 for row in found["trades"] if row["asset"] != "BTC")
    targets = [NewTarget(one.asset, one.weight, Decimal(10)) for one in request.targets if one.asset.symbol != "BTC"]
    found = preview_rebalance(portfolio=portfolio, request=Request(targets, keep_others=True), now=NOW)
    assert found["trades"]
    assert all(row["quantity"] % 10 == 0 for row in found["trades"])


def test_a_second_booking_books_nothing(portfolio: Portfolio, assets: dict[str, Asset], alice: User) -> None:
    proposal = save_proposal(portfolio=portfolio, request=request_of(assets, LESS), actor=alice, now=NOW)
    first = book_proposal(proposal=proposal, actor=alice, now=NOW)[1]
    version = Portfolio.objects.get().version
    second = book_proposal(proposal=proposal, actor=alice, now=NOW + timedelta(hours=1))[1]
    assert [trade.pk for trade in first] == [trade.pk for trade in second]
    assert Portfolio.objects.get().version == version
    assert AuditEvent.objects.filter(action="rebalancing.booked").count() == 1


def test_a_book_that_changed_since_is_not_touched(portfolio: Portfolio, assets: dict[str, Asset], alice: User) -> None:
    proposal = save_proposal(portfolio=portfolio, request=request_of(assets, LESS), actor=alice, now=NOW)
    buy(portfolio, assets["AAA"], 1, 100, "2026-04-01")
    before = derived_rows(portfolio)
    with pytest.raises(BookChanged, match="changed since"):
        book_proposal(proposal=proposal, actor=alice, now=NOW)
    assert derived_rows(portfolio) == before
    assert RebalanceProposal.objects.get().state == RebalanceState.SAVED


def test_what_was_booked_can_be_taken_back(portfolio: Portfolio, assets: dict[str, Asset], alice: User) -> None:
    before = derived_rows(portfolio)
    proposal = save_proposal(portfolio=portfolio, request=request_of(assets, LESS), actor=alice, now=NOW)
    with pytest.raises(ProposalNotBooked):
        take_back_proposal(proposal=proposal, actor=alice)
    proposal, trades = book_proposal(proposal=proposal, actor=alice, now=NOW)
    void_trade(trade=trades[0], actor=alice)
    for _ in range(2):
        proposal = take_back_proposal(proposal=proposal, actor=alice)
    assert derived_rows(portfolio) | {"Investment": []} == before | {"Investment": []}  # NEW was held once
    assert {trade.voided_at is None for trade in trades_of(proposal)} == {False}
    assert Trade.objects.standing().filter(external_id__startswith="rebalancing").count() == 0
    with pytest.raises(ProposalTakenBack, match="taken back"):
        book_proposal(proposal=proposal, actor=alice, now=NOW)
    with pytest.raises(ProposalTakenBack):
        discard_proposal(proposal=proposal, actor=alice)
    assert RebalanceProposal.objects.kept().get().state == RebalanceState.TAKEN_BACK
    assert len(trades_of(proposal)) == len(trades)


@pytest.mark.parametrize(("symbol", "moves"), [("AAA", True), ("NEW", True), ("EURUSD", True), ("OTHER", False)])
def test_a_proposal_whose_prices_moved_is_booked_only_where_that_is_accepted(
    portfolio: Portfolio, assets: dict[str, Asset], alice: User, symbol: str, moves: bool
) -> None:
    make_bars(make_asset("OTHER"), {DAY: "5"})
    make_rate("CHFJPY", {DAY: "180"})
    proposal = save_proposal(portfolio=portfolio, request=request_of(assets, LESS), actor=alice, now=NOW)
    mark_moved_prices([proposal])
    assert not proposal.stale
    make_bars(Asset.objects.get(symbol=symbol), {DAY: "1.5"})
    make_bars(Asset.objects.get(symbol="CHFJPY"), {DAY: "181"})
    mark_moved_prices([proposal])
    assert (proposal.prices_moved, proposal.stale, proposal.book_changed) == (moves, moves, False)
    if moves:
        with pytest.raises(PricesMoved) as raised:
            book_proposal(proposal=proposal, actor=alice, now=NOW)
        assert raised.value.field == "accept_prices"
        assert not Trade.objects.filter(external_id__startswith="rebalancing").exists()
    trades = book_proposal(proposal=proposal, actor=alice, accept_prices=moves, now=NOW)[1]
    assert [trade.price for trade in trades] == [row["price"] for row in told(proposal)["trades"]]
    assert AuditEvent.objects.get(action="rebalancing.booked").data["prices_moved"] is moves
    proposal.refresh_from_db()
    mark_moved_prices([proposal])
    assert not proposal.stale


def test_rates_do_not_matter_where_all_is_in_one_currency(assets: dict[str, Asset], alice: User) -> None:
    plain = make_portfolio(alice, "Dollars", base_currency="USD")
    buy(plain, assets["AAA"], 30, 60, "2023-02-01")
    plain.refresh_from_db()
    request = request_of(assets, {"AAA": "0.5", "NEW": "0.5"})
    proposal = save_proposal(portfolio=plain, request=request, actor=alice, now=NOW)
    make_bars(Asset.objects.get(symbol="EURUSD"), {DAY: "1.5"})
    mark_moved_prices([proposal])
    assert not proposal.stale


def test_a_discarded_proposal_is_not_booked_and_a_booked_one_not_discarded(
    portfolio: Portfolio, assets: dict[str, Asset], alice: User
) -> None:
    one, two = (
        save_proposal(portfolio=portfolio, request=request_of(assets, LESS), actor=alice, now=NOW) for _ in "12"
    )
    for _ in range(2):
        discard_proposal(proposal=one, actor=alice)
    with pytest.raises(ProposalDiscarded):
        book_proposal(proposal=one, actor=alice, now=NOW)
    book_proposal(proposal=two, actor=alice, now=NOW)
    with pytest.raises(ProposalBooked):
        discard_proposal(proposal=two, actor=alice)
    assert AuditEvent.objects.filter(action="rebalancing.discarded").count() == 1


def test_nothing_to_trade_is_nothing_to_book(portfolio: Portfolio, assets: dict[str, Asset], alice: User) -> None:
    request = request_of(assets, LESS, options=Options(bands=Bands(Decimal(1))))
    proposal = save_proposal(portfolio=portfolio, request=request, actor=alice, now=NOW)
    assert told(proposal)["trades"] == []
    with pytest.raises(NothingProposed):
        book_proposal(proposal=proposal, actor=alice, now=NOW)


def test_a_trade_of_later_today_comes_before_ours(portfolio: Portfolio, assets: dict[str, Asset], alice: User) -> None:
    later = NOW + timedelta(hours=3)
    buy(portfolio, assets["AAA"], 3, 110, "2026-06-01", traded_at=later, external_id="zzz")
    portfolio.refresh_from_db()
    request = request_of(assets, {"AAA": "0"}, keep_others=True)
    proposal = save_proposal(portfolio=portfolio, request=request, actor=alice, now=NOW)
    [row] = told(proposal)["trades"]
    assert (row["quantity"], row["traded_at"]) == (71, later + timedelta(microseconds=1))
    book_proposal(proposal=proposal, actor=alice, now=NOW)


def deposit(portfolio: Portfolio, amount: int) -> None:
    account = portfolio.portfolio_accounts.get(account__currency=portfolio.base_currency).account
    CashTransaction.objects.create(
        account=account, booked_on=date(2026, 5, 4), amount=Decimal(amount), section=Section.TRANSFER
    )


@pytest.fixture
def tracked(alice: User, assets: dict[str, Asset]) -> Portfolio:
    """A portfolio with 1,000 more than its trades cost."""
    portfolio = make_portfolio(alice, "Tracked", cash="tracked", base_currency="USD", cost_method="specific")
    book_of(portfolio, assets)
    spent = sum(row.amount for row in CashTransaction.objects.all())
    deposit(portfolio, 1000)
    CashTransaction.objects.create(
        account=portfolio.portfolio_accounts.get().account,
        booked_on=date(2023, 1, 2),
        amount=-spent,
        section=Section.TRANSFER,
    )
    portfolio.refresh_from_db()
    return portfolio


def balance(portfolio: Portfolio) -> Decimal:
    return sum(CashTransaction.objects.balances().values(), Decimal(0))


def test_tracked_cash_ends_as_foreseen_and_not_below_zero(
    tracked: Portfolio, assets: dict[str, Asset], alice: User
) -> None:
    proposal = save_proposal(portfolio=tracked, request=request_of(assets, LESS, options=FEES), actor=alice, now=NOW)
    assert told(proposal)["cash_before"] == 1000
    book_proposal(proposal=proposal, actor=alice, now=NOW)
    assert balance(tracked) == proposal.cash_after == told(proposal)["cash_after"]
    assert 0 <= balance(tracked) < 300
    assert not list(findings())


def test_cash_that_left_meanwhile_is_missed(tracked: Portfolio, assets: dict[str, Asset], alice: User) -> None:
    options = Options(mode=Mode.CONTRIBUTION)
    proposal = save_proposal(portfolio=tracked, request=request_of(assets, LESS, options=options), actor=alice, now=NOW)
    deposit(tracked, -600)
    with pytest.raises(CashMissing, match="hold 400"):
        book_proposal(proposal=proposal, actor=alice, now=NOW)
    deposit(tracked, 600)
    book_proposal(proposal=proposal, actor=alice, now=NOW)
    assert balance(tracked) >= 0


def test_a_contribution_that_has_not_arrived_is_waited_for(
    tracked: Portfolio, assets: dict[str, Asset], alice: User
) -> None:
    options = Options(mode=Mode.CONTRIBUTION, amount=Decimal(5000))
    proposal = save_proposal(portfolio=tracked, request=request_of(assets, LESS, options=options), actor=alice, now=NOW)
    assert {row["kind"] for row in told(proposal)["trades"]} == {"buy"}
    with pytest.raises(CashMissing):
        book_proposal(proposal=proposal, actor=alice, now=NOW)
    deposit(tracked, 5000)
    book_proposal(proposal=proposal, actor=alice, now=NOW)
    assert balance(tracked) == proposal.cash_after


def test_refusals_say_what_is_wrong(portfolio: Portfolio, assets: dict[str, Asset]) -> None:
    make_asset("NOPRICE")
    assets |= {"NOPRICE": Asset.objects.get(symbol="NOPRICE"), "EURUSD": Asset.objects.get(symbol="EURUSD")}
    cases: list[tuple[dict[str, str], str, str]] = [
        ({}, "no_targets", "targets"),
        ({"AAA": "0.6", "BBB": "0.5"}, "weights_exceed_one", "targets"),
        ({"AAA": "NaN"}, "not_finite", "targets.0.weight"),
        ({"AAA": "-0.1"}, "weight_out_of_range", "targets.0.weight"),
        ({"AAA": "0.5", "EURUSD": "0.5"}, "not_tradable", "targets.1.asset"),
        ({"NOPRICE": "0.5"}, "price_missing", "targets"),
    ]
    for weights, code, field in cases:
        with pytest.raises(DomainError) as raised:
            preview_rebalance(portfolio=portfolio, request=request_of(assets, weights), now=NOW)
        assert (raised.value.code, raised.value.field) == (code, field)
    assert issubclass(PriceMissing, DomainError)
    assert issubclass(NoTargets, DomainError)


def test_what_is_kept_reads_as_it_was(portfolio: Portfolio, assets: dict[str, Asset]) -> None:
    found = preview_rebalance(portfolio=portfolio, request=request_of(assets, LESS, options=FEES), now=NOW)
    assert from_json(as_json(found)) == found
