"""Something of alice's behind every URL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.utils import timezone

from activity.models import Job
from activity.services import start_job
from analytics.models import FactorSet, OptimisationRun, RebalanceProposal, ReportFile, RiskFlag, Scenario
from analytics.optimiser import Terms
from analytics.scenarios import Shock, Target
from analytics.services.factors import NewFactorSet, create_factor_set, store_returns, table_of
from analytics.services.rebalancing import save_proposal
from analytics.services.scenarios import create_scenario
from assets.models import (
    ActionProposal,
    Asset,
    CompanyProfile,
    CorporateAction,
    DoubtfulQuote,
    IntradayValue,
    PriceGap,
    QuarantinedBar,
    Watchlist,
    WatchlistEntry,
)
from assets.providers.base import ActionNotice, Bar
from assets.quality import Doubt, Reason, Refusal
from assets.queries import LastBar
from assets.services import doubts
from assets.services.notices import note
from assets.services.quarantine import keep, reject
from assets.services.watchlists import add_entry, create_watchlist
from assets.tests.factories import make_asset, make_bars, make_bond
from banking.models import (
    Account,
    AccountShare,
    BalanceAssertion,
    Budget,
    CashTransaction,
    Category,
    Counterparty,
    ImportBatch,
    ImportName,
    ImportRow,
    Recategorisation,
    Rule,
    Schedule,
    Section,
    Tag,
    TermDeposit,
    Valuation,
)
from banking.services.accounts import open_account
from banking.services.assertions import assert_balance
from banking.services.budgets import create_budget
from banking.services.classification import category_named, counterparty_named, tags_named
from banking.services.classifying import Classification, classify
from banking.services.deposits import DepositTerms, open_deposit
from banking.services.possessions import add_possession, value_possession
from banking.services.rule_changes import create_rule
from banking.services.schedules import ScheduleTerms, create_schedule, skip_occurrence
from banking.services.sharing import share_account
from banking.services.transactions import book_cash
from core.testing import make_user, owner_of
from portfolios.models import CostMethodChange, Goal, Portfolio, PortfolioShare, Trade
from portfolios.services.actions import apply_action
from portfolios.services.goals import MOST_GOALS, GoalTerms, add_goal
from portfolios.services.methods import change_method
from portfolios.services.proposals import ignore_proposal
from portfolios.services.rebalancing import Request
from portfolios.services.sharing import share_portfolio
from portfolios.services.targets import NewTarget, set_targets
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import Invitation, Membership, Organisation, Role, User
from users.services.invitations import hashed, invite
from users.services.organisations import create_organisation

MOST_WATCHLISTS = 19  # beside the first, as many as one person may have
SAVINGS = 770_077  # the id of an account, so that bodies can name it
SPARE = 770_088  # the id of another category, counterparty and tag
CHECKING, LEFT, ARRIVED = 770_078, 770_079, 770_080  # one more account, and two rows that may be one transfer
FIRM = 770_078  # and of an organisation
SECRET = "the-end-of-a-link"
NOWHERE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class World:
    """alice's portfolio with two purchases and a sale of a priced share, her watchlist with it, and a job of hers."""

    owner: User
    staff: User
    portfolio: Portfolio
    trade: Trade
    asset: Asset
    bond: Asset
    job: Job
    change: CostMethodChange
    action: CorporateAction
    watchlist: Watchlist
    entry: WatchlistEntry
    doubt: QuarantinedBar
    quote: DoubtfulQuote
    proposal: ActionProposal
    scenario: Scenario
    rebalancing: RebalanceProposal
    run: OptimisationRun
    factor_set: FactorSet
    deposit: TermDeposit
    assertion: BalanceAssertion
    category: Category
    counterparty: Counterparty
    tag: Tag
    cash: CashTransaction
    recategorisation: Recategorisation
    schedule: Schedule
    membership: Membership
    invitation: Invitation
    secret: str
    share: PortfolioShare
    account_share: AccountShare
    flag: RiskFlag
    upload: ImportBatch
    valuation: Valuation
    rule: Rule
    budget: Budget
    report: ReportFile
    goal: Goal

    @property
    def ids(self) -> dict[str, Any]:
        portfolio = self.portfolio.pk
        return {
            "portfolios": portfolio,
            "cards": portfolio,
            "trades": self.trade.pk,
            "transactions": self.trade.pk,
            "holdings": self.asset.symbol,
            "jobs": self.job.pk,
            **dict.fromkeys(("optimise", "optimiser"), self.run.pk),
            "assets": self.asset.symbol,
            "assets/bond": self.bond.symbol,
            "cost-methods": self.change.pk,
            "actions": self.action.pk,
            "corporate-actions": self.action.pk,
            "cost-method": self.change.pk,
            "watchlists": self.watchlist.pk,
            "watchlist": self.watchlist.pk,
            "entries": self.entry.pk,
            **dict.fromkeys(("quote", "quotes", "profile", "profiles"), self.asset.symbol),
            "quarantine": self.doubt.pk,
            "live-prices": self.quote.pk,
            "action-proposals": self.proposal.pk,
            "proposals": self.rebalancing.pk,
            "rebalancing": self.rebalancing.pk,
            "providers": "polygon",
            "scenarios": self.scenario.pk,
            "factors": self.factor_set.pk,
            "explain": "total_value",
            "deposits": self.deposit.pk,
            "assertions": self.assertion.pk,
            "categories": self.category.pk,
            "counterparties": self.counterparty.pk,
            "tags": self.tag.pk,
            **dict.fromkeys(("banking/transactions", "transactions/cash"), self.cash.pk),
            "recategorisations": self.recategorisation.pk,
            "transfers": self.deposit.opening_id,
            "schedules": self.schedule.pk,
            **dict.fromkeys(("organisations", "organisation"), self.membership.organisation_id),
            "members": self.membership.pk,
            "invitations": self.invitation.pk,
            "people": self.owner.pk,
            **dict.fromkeys(("flags", "risk-flags"), self.flag.pk),
            "secret": self.secret,
            "portfolio": portfolio,
            "accounts": self.account_share.account_id,
            "portfolios/*/shares": self.share.pk,
            "accounts/*/shares": self.account_share.pk,
            "imports": self.upload.pk,
            "possessions": self.valuation.possession_id,
            "valuations": self.valuation.pk,
            "rules": self.rule.pk,
            "budgets": self.budget.pk,
            "files": self.report.pk,
            "goals": self.goal.pk,
        }

    @property
    def missing(self) -> dict[str, Any]:
        known = self.ids
        numbers = {name: 987654321 for name, value in known.items() if isinstance(value, int)}
        return (
            numbers
            | {name: "NOSUCH" for name, value in known.items() if value in (self.asset.symbol, self.bond.symbol)}
            | {"jobs": NOWHERE, "explain": "no_such_figure", "secret": "nothing"}
        )


def make_world(owner: User) -> World:
    asset = Asset.objects.filter(symbol="AAPL").first() or make_asset("AAPL", sector="Technology")
    make_bars(asset, [100, 101, 102, 103, 104, 103, 105, 106, *swinging(106, 40)], start=date(2024, 1, 2))
    IntradayValue.objects.get_or_create(asset=asset, at=datetime(2024, 1, 4, 15, tzinfo=UTC), price=103, source="test")
    describe(asset)
    Asset.objects.filter(symbol="MSFT").exists() or make_asset("MSFT")  # nobody holds or watches it
    portfolio = make_portfolio(owner)
    trade = buy(portfolio, asset, 10, 100, "2024-01-02")
    buy(portfolio, asset, 5, 101, "2024-01-03")
    sell(portfolio, asset, 3, 103, "2024-01-05")
    staff = User.objects.filter(username="staff").first() or make_user("staff", superuser=True)
    change = change_method(portfolio=portfolio, method="lifo", day=date(2024, 1, 8), actor=owner)
    dividends = CorporateAction.objects.filter(asset=asset)
    day, cash = date(2024, 1, 4), Decimal("0.24")
    action = dividends.first() or apply_action(asset=asset, kind="cash_dividend", ex_date=day, cash=cash, actor=staff)
    job = start_job(owner=owner, kind="import", total=3)
    watchlist = create_watchlist(owner=owner, name="Ideas")
    entry = add_entry(watchlist=watchlist, asset=asset, note="a note", target_price=Decimal(120))
    doubt, quote, proposal = doubt_about(asset, 0), doubtful_quote(asset, 0), announce(asset, 0)
    scenario = imagine(owner, "Crash")
    rebalancing = propose_half(portfolio, asset)
    run = OptimisationRun.objects.create(portfolio=portfolio, asked_by=owner, objective="hrp", terms=Terms().to_json())
    deposit = lend(owner)
    spent, recategorisation = spend(owner, 0)
    membership, invitation = found_firm(owner)
    rule = say(owner, 0)
    repeat(owner)
    return World(
        owner=owner,
        staff=staff,
        portfolio=portfolio,
        trade=trade,
        asset=asset,
        bond=priced_bond(),
        job=job,
        change=change,
        action=action,
        watchlist=watchlist,
        entry=entry,
        doubt=doubt,
        quote=quote,
        proposal=proposal,
        scenario=scenario,
        rebalancing=rebalancing,
        run=run,
        factor_set=load_factors(0),
        valuation=furnish(owner, 0),
        **vars(look_after_cash(owner)),
        deposit=deposit,
        cash=spent,
        recategorisation=recategorisation,
        schedule=plan(owner, 0),
        membership=membership,
        invitation=invitation,
        secret=invite_to_club(staff, owner),
        share=share_portfolio(portfolio=portfolio, person="dora", role="viewer", actor=owner),
        account_share=share_account(account=deposit.returns_to, person="dora", role="viewer", actor=owner),
        flag=suspect(portfolio, 0),
        upload=upload(owner),
        rule=rule,
        budget=hold_to(owner, 0),
        report=store_report(portfolio, 0),
        goal=wish(portfolio, 0),
    )


def wish(portfolio: Portfolio, number: int) -> Goal:
    """A goal of the portfolio for a day that lies ahead."""
    terms = GoalTerms(f"House {number}", Decimal(1000 + number), "USD", date(2060, 1, 1), date(2024, 1, 1))
    return add_goal(portfolio=portfolio, terms=terms, actor=owner_of(portfolio))


def store_report(portfolio: Portfolio, number: int) -> ReportFile:
    """A long report that was made for the owner, of other days for each number."""
    terms = {"kind": "statement", "period": "own", "language": "en", "state": "done", "content": b"%PDF-", "size": 5}
    start, end = date(2010, 1, 1 + number), date(2024, 3, 31)
    return ReportFile.objects.create(owner=owner_of(portfolio), portfolio=portfolio, start=start, end=end, **terms)


def describe(asset: Asset) -> None:
    """A profile of the asset's company that is fresh, so that nobody asks for it however long the world is built."""
    said = {"name": f"{asset.symbol} Inc.", "source": "test", "fetched_at": timezone.now()}
    CompanyProfile.objects.get_or_create(asset=asset, defaults=said)


def suspect(portfolio: Portfolio, number: int) -> RiskFlag:
    """A flag about the portfolio, of another asset for each number."""
    now = datetime(2024, 2, 1, tzinfo=UTC)
    figures = {"measure": 0.9, "limit": 0.25, "as_of": date(2024, 2, 1), "first_seen": now, "last_seen": now}
    return RiskFlag.objects.create(kind="concentration", portfolio=portfolio, about=f"A{number}", **figures)


def upload(owner: User) -> ImportBatch:
    """A file of the owner's that was checked, with a row and a category that is missing."""
    head = {"names": ["day", "amount"], "sample": [["2024-01-02", "-1"]]}
    known = {"file_name": "bank.csv", "kind": "transactions", "state": "ready", "rows": 1, "head": head}
    batch = ImportBatch.objects.create(owner=owner, **known)
    stage(batch, 0)
    return batch


def stage(batch: ImportBatch, number: int) -> None:
    """Two more rows of a file, one of them wrong, and a name that is missing."""
    ImportName.objects.create(batch=batch, number=number, kind="category", section="expense", name=f"Food {number}")
    given = {"account": SAVINGS, "currency": "USD", "section": "expense", "booked_on": date(2024, 1, 2)}
    ImportRow.objects.create(batch=batch, line=2 * number + 2, units=-10_000, category=number, **given)
    ImportRow.objects.create(batch=batch, line=2 * number + 3, outcome="wrong", error="amount is 0", raw="a,b")


def lend(owner: User) -> TermDeposit:
    """A term deposit of the owner's that runs for long, paid by the account SAVINGS."""
    savings, _ = Account.objects.get_or_create(pk=SAVINGS, defaults={"owner": owner, "name": "S", "currency": "USD"})
    terms = DepositTerms(Decimal(1000), Decimal("0.03"), date(2024, 1, 2), date(2060, 1, 2))
    return open_deposit(source=savings, name="Deposit", terms=terms, actor=owner, now=timezone.now())


def look_after_cash(owner: User) -> SimpleNamespace:
    """A statement of SAVINGS and a row with its classification, others to merge those into; then it is emptied."""
    category = keep_apart(owner, 0)
    Category.objects.create(pk=SPARE, owner=owner, section=Section.EXPENSE, name="Spare")
    found = SimpleNamespace(
        assertion=state_balance(owner, 0),
        category=category,
        counterparty=Counterparty.objects.get(owner=owner, name="Counterparty 00"),
        tag=Tag.objects.get(owner=owner, name="tag 00"),
    )
    Counterparty.objects.create(pk=SPARE, owner=owner, name="Spare")
    Tag.objects.create(pk=SPARE, owner=owner, name="Spare")
    savings = Account.objects.get(pk=SAVINGS)
    left = CashTransaction.objects.filter(account=savings).balances()[SAVINGS]
    section = Section.INCOME
    book_cash(account=savings, amount=-left, booked_on=date(2024, 2, 1), section=section, actor=owner)
    return found


def state_balance(owner: User, number: int) -> BalanceAssertion:
    """A statement of the account SAVINGS, of another day for each number."""
    account, day = Account.objects.get(pk=SAVINGS), date(2024, 2, 1) + timedelta(days=number)
    return assert_balance(account=account, day=day, balance=Decimal(number), actor=owner)


def keep_apart(owner: User, number: int) -> Category:
    """A row of SAVINGS with a category, a counterparty and a tag of its own for each number; returns the category."""
    account = Account.objects.get(pk=SAVINGS)
    category = category_named(f"Category {number:02}", Section.EXPENSE, books=account)
    book_cash(
        account=account,
        amount=Decimal(-1),
        booked_on=date(2024, 2, 1) + timedelta(days=number),
        section=Section.EXPENSE,
        category=category,
        counterparty=counterparty_named(f"Counterparty {number:02}", books=account),
        tags=tags_named([f"tag {number:02}"], books=account),
        actor=owner,
    )
    return category


def spend(owner: User, number: int) -> tuple[CashTransaction, Recategorisation]:
    """An expense from the account SAVINGS with a counterparty and a tag, and its category, chosen just now."""
    account = Account.objects.get(pk=SAVINGS)
    row = book_cash(
        account=account,
        amount=Decimal(-10),
        booked_on=date(2024, 1, 5),
        section=Section.EXPENSE,
        actor=owner,
        counterparty=counterparty_named(f"Shop {number}", books=account),
        tags=tags_named([f"tag {number}"], books=account),
    )
    category = category_named(f"Kind {number}", Section.EXPENSE, books=account)
    to = Classification(frozenset({"category"}), category)
    return row, classify(row_ids=[row.pk], to=to, actor=owner)


def furnish(owner: User, number: int) -> Valuation:
    """The value of a thing of the owner's; what an employee of the owner's organisation spends, the first one nothing.

    The thing that is numbered 0 has no other value, so that it may be given away.
    """
    thing = add_possession(holder=owner, name=f"Thing {number:02}", actor=owner)
    firm, _ = Organisation.objects.get_or_create(pk=FIRM, defaults={"name": "Acme"})
    Membership.objects.get_or_create(organisation=firm, user=owner, defaults={"role": Role.OWNER})
    if number:
        worker = make_user(f"worker{number:02}")
        Membership.objects.create(organisation=firm, user=worker, role=Role.EMPLOYEE)
        card = open_account(holder=worker, name="Card", kind="expense", employer=firm, actor=worker)
        category, section = category_named("Travel", Section.EXPENSE, books=card), Section.EXPENSE
        today = timezone.now().date()
        book_cash(account=card, amount=Decimal(-9), booked_on=today, section=section, category=category, actor=worker)
        open_account(holder=firm, name=f"Operating {number:02}", balance=Decimal(5), actor=owner)
    return value_possession(possession=thing, day=date(2024, 1, 2), value=Decimal(100 + number), actor=owner)


def plan(owner: User, number: int) -> Schedule:
    """A payment of the owner's to come, one of its days left out, and two rows that may be one transfer."""
    checking, _ = Account.objects.get_or_create(pk=CHECKING, defaults={"owner": owner, "name": "C", "currency": "USD"})
    amount, today = Decimal(number + 1), timezone.now().date()
    for pk, account, sign in ((LEFT, SAVINGS, -1), (ARRIVED, CHECKING, 1)):
        ids = {} if number else {"pk": pk}
        CashTransaction.objects.create(
            **ids, account_id=account, amount=sign * amount, booked_on=today, section=Section.EXPENSE
        )
    terms = ScheduleTerms(amount, date(2060, 1, 31), name="Landlord")
    made = create_schedule(source=checking, terms=terms, actor=owner, now=timezone.now())
    soon = (
        create_schedule(
            source=checking,
            terms=ScheduleTerms(amount, today + timedelta(days=9), name="Soon"),
            actor=owner,
            now=timezone.now(),
        )
        if number
        else None
    )
    return skip_occurrence(schedule=soon or made, due_on=(soon or made).first_on, actor=owner)


def found_firm(owner: User) -> tuple[Membership, Invitation]:
    """The owner's organisation, with dora who books for it, and the invitation of somebody else."""
    firm = Organisation.objects.create(pk=FIRM, name="Acme")
    Membership.objects.create(organisation=firm, user=owner, role=Role.OWNER)
    dora = Membership.objects.create(organisation=firm, user=make_user("dora"), role=Role.MEMBER)
    sent = invite(organisation=firm, email="eve@example.org", role="viewer", actor=owner, link=str)
    return dora, sent.invitation


def invite_to_club(staff: User, guest: User) -> str:
    """The secret by which ``guest`` can join an organisation of somebody else."""
    club = create_organisation(name="Club", actor=staff)
    sent = invite(organisation=club, email=guest.email, role="viewer", actor=staff, link=str)
    Invitation.objects.filter(pk=sent.invitation.pk).update(secret_hash=hashed(SECRET))
    return SECRET


def repeat(owner: User) -> None:
    """Three payments a month apart, the last one today."""
    account, today = Account.objects.get(pk=SAVINGS), timezone.now().date()
    for step in range(3):
        day, section = today - timedelta(days=30 * step), Section.EXPENSE
        book_cash(account=account, amount=Decimal(-9), booked_on=day, section=section, actor=owner, description="Music")


def say(owner: User, number: int) -> Rule:
    """A rule that nothing fits, on everything that a rule can name."""
    account = Account.objects.get(pk=SAVINGS)
    return create_rule(
        holder=owner,
        actor=owner,
        words=f"nobody{number}",
        account=account,
        counterparty=counterparty_named(f"Shop {number}", books=account),
        category=category_named(f"Kind {number}", Section.EXPENSE, books=account),
        tags=tags_named([f"tag {number}"], books=account),
    )


def hold_to(owner: User, number: int) -> Budget:
    """A budget for a category of its own, which carries over since the first expenses."""
    category = category_named(f"Plan {number}", Section.EXPENSE, books=Account.objects.get(pk=SAVINGS))
    first, amount = date(2024, 1, 1), Decimal(100 + number)
    return create_budget(
        holder=owner, category=category, amount=amount, first_month=first, carries_over=True, actor=owner
    )


def priced_bond() -> Asset:
    """A Treasury that nobody holds, with its terms and a close."""
    known = Asset.objects.filter(symbol="UST34").first()
    return known or make_bond("UST34", closes={date(2024, 5, 31): "99.5"})


def propose_half(portfolio: Portfolio, asset: Asset) -> RebalanceProposal:
    """A proposal to sell half of the portfolio, which has this as its own targets."""
    targets = [NewTarget(asset, Decimal("0.5"))]
    set_targets(portfolio=portfolio, targets=targets, actor=portfolio.owner)
    return save_proposal(portfolio=portfolio, request=Request(targets, keep_others=True), actor=portfolio.owner)


def load_factors(number: int) -> FactorSet:
    """A factor set with three days of two factors, another one for each number."""
    key = f"set{number}"
    made = FactorSet.objects.filter(key=key).first()
    made = made or create_factor_set(new=NewFactorSet(key, f"Set {number}", "daily"), actor=None)
    rows = [(date(2024, 1, day), {"mkt_rf": 0.01, "smb": -0.002 * day}) for day in (2, 3, 4)]
    store_returns(factor_set=made, table=table_of(rows, "daily"), actor=None)
    return made


def crowd(world: World, number: int) -> None:
    """One more organisation of the owner's; one more member of the first, guest of it, and sharer."""
    person, firm = make_user(f"person{number}"), world.membership.organisation
    create_organisation(name=f"Firm {number}", actor=world.owner)
    Membership.objects.create(organisation=firm, user=person, role=Role.VIEWER)
    invite(organisation=firm, email=f"guest{number}@example.org", role="viewer", actor=world.owner, link=str)
    share_portfolio(portfolio=world.portfolio, person=person.username, role="viewer", actor=world.owner)
    share_account(account=world.account_share.account, person=person.username, role="viewer", actor=world.owner)


def doubt_about(asset: Asset, number: int) -> QuarantinedBar:
    """A jump that nobody believes, another one for each number."""
    bar = Bar(asset.symbol, date(2024, 1, 16), Decimal(900 + number))
    now = datetime(2024, 1, 17, tzinfo=UTC)
    keep([(asset.pk, "feed", Doubt(bar, Refusal(Reason.JUMP, "a jump")))], now=now)
    return QuarantinedBar.objects.get(asset=asset, figures__close=str(bar.close))


def doubtful_quote(asset: Asset, number: int) -> DoubtfulQuote:
    """A live price that nobody believes, of another provider for each number."""
    at, provider = datetime(2024, 1, 17, 15, tzinfo=UTC), f"feed{number}"
    previous = LastBar(asset.pk, date(2024, 1, 16), Decimal(106), "test")
    doubts.note(asset, price=Decimal(900), at=at, provider=provider, previous=previous, now=at)
    return DoubtfulQuote.objects.get(asset=asset, provider=provider)


def announce(asset: Asset, number: int) -> ActionProposal:
    """A dividend that a feed announced, another one for each number."""
    cash = Decimal(1) + Decimal(number) / 100
    notice = ActionNotice(asset.symbol, "cash_dividend", date(2024, 1, 5), f"d{number}", cash=cash, currency="USD")
    note(asset, [notice], provider="feed", now=datetime(2024, 1, 4, tzinfo=UTC))
    return ActionProposal.objects.get(asset=asset, external_id=notice.external_id)


def swinging(level: int, count: int) -> list[str]:
    """Closes that go up and down: enough of them for every figure that needs a history."""
    return [f"{level + (place * 7 % 5) / 4 - 0.5:.2f}" for place in range(count)]


def imagine(owner: User, name: str) -> Scenario:
    """A scenario of the owner's that names the priced share."""
    return create_scenario(owner=owner, name=name, shocks=[Shock(Target.ASSET, "AAPL", -0.3)])


def grow(world: World, first: int, last: int) -> None:
    """Give every list more rows, numbered ``first`` to ``last - 1``: portfolios, assets, bars, trades, jobs, lists."""
    for number in range(first, last):
        asset = make_asset(f"S{number:02}", sector=f"Sector {number % 5}")
        make_bars(asset, [50, 51, 52, *swinging(52 + number, 40)], start=date(2024, 1, 2))
        make_bars(world.asset, {date(2024, 5, 1 + number): 106})
        buy(world.portfolio, asset, 10, 50, "2024-01-02")
        sell(world.portfolio, asset, 4, 52, "2024-01-04")
        make_portfolio(world.owner, f"Portfolio {number}")
        moment = datetime(2024, 1, 5, 15, number, tzinfo=UTC)
        IntradayValue.objects.create(asset=world.asset, at=moment, price=103, source="test")
        day, cash = date(2024, 1, 3), Decimal("0.1")
        apply_action(asset=asset, kind="cash_dividend", ex_date=day, cash=cash, actor=world.staff)
        add_entry(watchlist=world.watchlist, asset=asset)
        imagine(world.owner, f"Scenario {number}")
        store_report(world.portfolio, number + 1)
        if number < MOST_GOALS - 1:
            wish(world.portfolio, number + 1)
        spend(world.owner, number)
        say(world.owner, number)
        hold_to(world.owner, number + 1)
        if number < MOST_WATCHLISTS:
            create_watchlist(owner=world.owner, name=f"List {number}")
        start_job(owner=world.owner, kind="import", total=number)
        OptimisationRun.objects.create(
            portfolio=world.portfolio, asked_by=world.owner, objective="hrp", terms=Terms().to_json()
        )
        lend(world.owner)
        state_balance(world.owner, number + 1)
        keep_apart(world.owner, number + 1)
        plan(world.owner, number + 1)
        crowd(world, number)
        suspect(world.portfolio, number + 1)
        upload(world.owner)
        stage(world.upload, number + 1)
        furnish(world.owner, number + 1)
        value_possession(
            possession=world.valuation.possession,
            day=date(2024, 1, 3) + timedelta(days=number),
            value=Decimal(number),
            actor=world.owner,
        )
        doubt_about(asset, number)
        reject(bar=doubt_about(world.asset, number), actor=world.staff)
        doubtful_quote(asset, number)
        announce(asset, number)
        load_factors(number + 1)
        ignore_proposal(proposal=announce(world.asset, number), actor=world.staff)
        propose_half(world.portfolio, asset)
        PriceGap.objects.create(asset=asset, start=date(2024, 1, 5), end=date(2024, 1, 8), sessions=2)
