"""The demo: real closes of 2013 to 2022, simulated ones, what simulated securities pay, three people, three
portfolios, and a small simulated town around them.

Loading it again changes nothing: assets are known by their symbols, bars by asset and
day, people by their names, portfolios by owner and name, trades and cash rows by their
external ids. What a version before did not have comes in that way, too.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from analytics.services.windows import install_windows
from assets.models import Asset, AssetType, HistoricValue, Watchlist
from assets.providers.base import Bar
from assets.queries import last_bars
from assets.services.exchanges import install_exchanges
from assets.services.history import store_bars
from assets.services.sources import simulated_series
from assets.services.watchlists import add_entry, create_watchlist
from banking.models import Account, CashTransaction, Section
from banking.services.accounts import open_account
from banking.services.categories import install_categories
from banking.services.classification import category_named
from banking.services.transactions import book_cash
from portfolio_site.demo_factors import load_factors
from portfolio_site.demo_habits import load_habits
from portfolio_site.demo_income import load_coupons, load_deposits, load_facts, priced, terms_of
from portfolio_site.simulation import simulate
from portfolios.models import Portfolio, TradeKind
from portfolios.services.portfolios import create_portfolio
from portfolios.services.trades import NewTrade, book_trades
from users.models import User

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
ACCOUNTS_SINCE = date(2013, 1, 2)
DEMO_MAIL = "@demo.invalid"  # tells the demo's people from others of the same name
Say = Callable[[str], None]


def load(say: Say) -> None:
    """Load whatever of the demo is not there yet, telling ``say`` after each part."""
    demo, now = _read("demo.json"), timezone.now()
    until = date.fromisoformat(demo["last_day"])
    assets = load_assets()
    say(f"{len(assets)} assets")
    say(f"{load_facts(_read('assets.json'), assets)} new dividends")
    say(f"{load_history(assets, demo)} new daily prices, to {demo['last_day']}")
    for name, changed in load_factors().items():
        say(f"{name}: {changed} new factor returns")
    with transaction.atomic():  # people are there only together with their portfolios
        people = load_people(demo["people"])
        say(f"people: {', '.join(people)}")
        for account in demo["accounts"]:
            load_account(account, people[account["owner"]])
        for portfolio in demo["portfolios"]:
            booked = load_portfolio(portfolio, people[portfolio["owner"]], assets)
            say(f"{portfolio['name']}: {booked} new trades")
        bonds = [asset for asset in assets.values() if asset.type == AssetType.BOND]
        say(f"{load_coupons(bonds, until, people['admin'], now)} new coupons")
        for watchlist in demo["watchlists"]:
            load_watchlist(watchlist, people[watchlist["owner"]], assets)
    town = simulate(**demo["town"], until=until, cast=[people["demo"], people["manager"]])
    say(f"a simulated town: {town.people} new people, {town.organisations} firms, {town.rows} cash rows")
    with transaction.atomic():
        if load_habits(people["demo"], demo["town"]["seed"], until.replace(month=1), now):
            say("standing orders, budgets and a rule")
    say(f"{load_deposits(demo['deposits'], people['demo'], demo['town']['seed'], now)} new term deposits")


def load_assets() -> dict[str, Asset]:
    """The demo's assets by symbol; those that exist keep what their owner has changed."""
    install_exchanges()
    install_windows()
    install_categories()
    for row in _read("assets.json"):
        values = {name: row[name] for name in ("name", "type", "sector", "currency", "isin", "price_basis")}
        values["price_factor"] = Decimal(row.get("price_factor", 1))
        Asset.objects.get_or_create(symbol=row["symbol"], defaults={**values, "exchange_id": row["exchange"]})
    return Asset.objects.in_bulk([row["symbol"] for row in _read("assets.json")], field_name="symbol")


def load_history(assets: dict[str, Asset], demo: dict[str, Any]) -> int:
    """Shipped closes and simulated series, for the assets that have no history yet."""
    known = set(HistoricValue.objects.order_by().values_list("asset__symbol", flat=True).distinct())
    shipped = ((assets[bar.symbol].pk, bar) for bar in _closes() if bar.symbol not in known)
    simulated = ((assets[bar.symbol].pk, bar) for bar in _simulated(demo, known))
    return store_bars(list(shipped), source="demo") + store_bars(list(simulated), source="simulated")


def _closes() -> Iterable[Bar]:
    with gzip.open(FIXTURES / "closes.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            day = date.fromisoformat(row.pop("date"))
            yield from (Bar(symbol, day, Decimal(close)) for symbol, close in row.items() if close)


def _simulated(demo: dict[str, Any], known: set[str]) -> Iterable[Bar]:
    last = date.fromisoformat(demo["last_day"])
    for row in _read("assets.json"):
        if row["symbol"] not in known and (anchor := row.get("simulated")):
            first = date.fromisoformat(anchor.get("from", demo["simulated_from"]))
            through = (date.fromisoformat(anchor["day"]), Decimal(anchor["yield" if "bond" in row else "close"]))
            series = simulated_series(row["symbol"], first, last, anchor=through)
            yield from priced(terms_of(row), series) if "bond" in row else series


def load_people(rows: list[dict[str, Any]]) -> dict[str, User]:
    """The demo's people by name. Their passwords are public, which is why production refuses the demo."""
    people = {}
    for row in rows:
        user, created = User.objects.get_or_create(
            username=row["username"],
            defaults={
                "email": f"{row['username']}{DEMO_MAIL}",
                "first_name": row["first_name"],
                "last_name": row["last_name"],
                "is_staff": row["superuser"],
                "is_superuser": row["superuser"],
            },
        )
        if created:
            _set_password(user, row["password"])
        people[user.username] = user
    return people


def open_logins() -> None:
    """Give the demo's people their public passwords again, if ``close_logins`` took them away."""
    for user, password in _people_there():
        if user.email.endswith(DEMO_MAIL) and not user.has_usable_password():
            _set_password(user, password)


def close_logins() -> list[str]:
    """Take the public passwords away from the demo's people, and with them their sessions and tokens.

    Returns the names. Somebody who has set a password of their own keeps it.
    """
    closed = []
    for user, password in _people_there():
        if user.check_password(password):
            _set_password(user, None)
            closed.append(user.username)
    return closed


def _people_there() -> Iterable[tuple[User, str]]:
    passwords = {row["username"]: row["password"] for row in _read("demo.json")["people"]}
    return ((user, passwords[user.username]) for user in User.objects.filter(username__in=passwords))


def _set_password(user: User, password: str | None) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])


def load_account(row: dict[str, str], owner: User) -> None:
    """An account, empty, by whose alias the example files under fixtures/ are booked."""
    if not Account.objects.filter(owner=owner, iban=row["alias"]).exists():
        open_account(
            holder=owner, name=row["name"], kind=row["kind"], iban=row["alias"], actor=owner, opened_on=ACCOUNTS_SINCE
        )


def load_watchlist(row: dict[str, Any], owner: User, assets: dict[str, Asset]) -> None:
    """A watchlist with its entries, unless there is one of its name."""
    if Watchlist.objects.filter(owner=owner, name=row["name"]).exists():
        return
    watchlist = create_watchlist(owner=owner, name=row["name"])
    for entry in row["entries"]:
        target = Decimal(entry["target_price"]) if entry["target_price"] else None
        add_entry(watchlist=watchlist, asset=assets[entry["asset"]], note=entry["note"], target_price=target)


def load_portfolio(row: dict[str, Any], owner: User, assets: dict[str, Asset]) -> int:
    """One portfolio with its cash and trades. Returns how many trades are new."""
    portfolio = Portfolio.objects.filter(owner=owner, name=row["name"]).first() or create_portfolio(
        owner=owner,
        name=row["name"],
        description=row["description"],
        base_currency=row["base_currency"],
        benchmark=assets[row["benchmark"]],
        cash=row["cash"],
    )
    if alias := row.get("alias"):
        Account.objects.filter(portfolio_link__portfolio=portfolio, iban="").update(iban=alias)
    _load_cash(portfolio, owner, row["cash_rows"])
    trades = [_trade(trade, assets) for trade in row["trades"]]
    return len(book_trades(portfolio=portfolio, trades=trades, actor=owner))


def _load_cash(portfolio: Portfolio, owner: User, rows: list[dict[str, str]]) -> None:
    known = set(
        CashTransaction.objects.filter(account__in=portfolio.portfolio_accounts.values("account")).values_list(
            "external_id", flat=True
        )
    )
    for row in rows:
        if row["external_id"] not in known:
            account = portfolio.portfolio_accounts.select_related("account")[0].account
            section = Section(row["section"])
            book_cash(
                account=account,
                amount=Decimal(row["amount"]),
                booked_on=date.fromisoformat(row["booked_on"]),
                section=section,
                category=category_named(row["category"], section, books=account) if "category" in row else None,
                description=row["description"],
                external_id=row["external_id"],
                actor=owner,
            )


def _trade(row: dict[str, str], assets: dict[str, Asset]) -> NewTrade:
    """Without a price it is at its day's close: that of a simulated security follows from SIMULATED_SEED."""
    asset, at = assets[row["asset"]], datetime.fromisoformat(row["traded_at"])
    return NewTrade(
        asset=asset,
        kind=TradeKind(row["kind"]),
        quantity=Decimal(row["quantity"]),
        price=Decimal(row["price"]) if "price" in row else last_bars([asset.pk], at.date())[asset.pk].close,
        traded_at=at,
        fee=Decimal(row["fee"]),
        external_id=row["external_id"],
    )


def _read(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())
