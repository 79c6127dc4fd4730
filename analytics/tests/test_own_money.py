"""One's own money and an organisation's on one page each: figures by hand, and who sees what."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from analytics.models import RiskFlag
from analytics.queries.employees import expenses
from analytics.queries.flows import Month, by_month, cash_of, category_tree, flows, month_end, together
from analytics.queries.net_worth import known_since, scope_of, shown_until
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, AccountShare, CashSplit, CashTransaction, Category, Section
from banking.services.accounts import open_account
from banking.services.classification import category_named
from banking.services.possessions import add_possession, dispose
from banking.services.schedules import ScheduleTerms, create_schedule
from banking.services.transactions import book_cash, void_cash
from banking.services.transfers import book_transfer
from core.testing import client_of, count_queries, make_user
from portfolios.tests.factories import buy, exact, make_portfolio
from users.models import Membership, Organisation, Role, User

pytestmark = pytest.mark.django_db

BEGIN, MARCH, MAY = date(2024, 1, 2), date(2024, 3, 5), date(2024, 5, 20)


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def daily(alice: User) -> Account:
    return open_account(holder=alice, name="Daily", balance=Decimal(1000), opened_on=BEGIN, actor=alice)


@pytest.fixture
def firm(alice: User) -> Organisation:
    firm = Organisation.objects.create(name="Acme", base_currency="USD")
    Membership.objects.create(organisation=firm, user=alice, role=Role.MANAGER)
    return firm


def move(account: Account, amount: str, category: str = "", day: date = MAY, section: str = "") -> CashTransaction:
    section = section or (Section.EXPENSE if amount.startswith("-") else Section.INCOME)
    known = category_named(category, Section(section), books=account) if category else None
    kind = Section(section)
    return book_cash(account=account, amount=Decimal(amount), booked_on=day, section=kind, category=known, actor=None)


def read(user: User, path: str = "/banking/", status: int = 200, **query: str) -> str:
    client = Client()
    client.force_login(user)
    answer: Any = client.get(path, query)
    assert answer.status_code == status
    return b"".join(answer.streaming_content if answer.streaming else [answer.content]).decode()


def employ(firm: Organisation, name: str, currency: str = "USD") -> Account:
    person = make_user(name)
    Membership.objects.create(organisation=firm, user=person, role=Role.EMPLOYEE)
    return open_account(
        holder=person, name="Card", kind="expense", currency=currency, employer=firm, opened_on=BEGIN, actor=person
    )


def test_income_and_expense_by_month(alice: User, daily: Account) -> None:
    make_rate("EURUSD", {BEGIN: "1.10", date(2024, 5, 18): "1.20"})
    euros = open_account(holder=alice, name="Euros", currency="EUR", opened_on=BEGIN, actor=alice)
    savings = open_account(holder=alice, name="Savings", opened_on=BEGIN, actor=alice)
    move(daily, "3000", "Salary", MARCH)
    move(daily, "-500", "Rent", MARCH)
    move(euros, "-100", "Food")
    move(daily, "-60", "Food")
    move(daily, "10", "Food", section=Section.EXPENSE)  # a refund is less expense
    void_cash(row=move(daily, "-999", "Food"), actor=alice)
    book_transfer(source=daily, target=savings, amount=Decimal(400), booked_on=MAY, actor=alice)
    move(daily, "-7", "Food", date(2024, 5, 21))  # after the last day
    found = flows(cash_of(alice), date(2024, 3, 1), MAY, "USD")
    months = by_month(found.rows, ["2024-03", "2024-04", "2024-05"])
    assert months["2024-03"] == Month(Decimal(3000), Decimal(500))
    assert months["2024-04"] == Month(Decimal(0), Decimal(0))
    assert months["2024-05"] == Month(Decimal(0), Decimal(170))  # 100 × 1.20 + 60 − 10
    whole = together(months.values())
    assert (whole.saved, whole.rate) == (Decimal(2330), Decimal(2330) / 3000)
    assert (months["2024-03"].rate, months["2024-05"].rate) == (Decimal(2500) / 3000, None)
    assert found.missing == []


def test_parts_of_a_row_count_in_their_categories_and_a_category_has_all_below_it(alice: User, daily: Account) -> None:
    living = Category.objects.create(owner=alice, section=Section.EXPENSE, name="Living")
    food = Category.objects.create(owner=alice, section=Section.EXPENSE, name="Food", parent=living)
    row = move(daily, "-100")
    CashSplit.objects.create(transaction=row, category=food, amount=-70)
    CashSplit.objects.create(transaction=row, category=living, amount=-30)
    move(daily, "-500", "Rent")
    move(daily, "-5")
    found = flows(cash_of(alice), MARCH, MAY, "USD").rows
    tree = category_tree(found, Section.EXPENSE, {each.pk: each for each in Category.objects.all()})
    assert [(row.name, row.level, row.amount) for row in tree] == [
        ("Rent", 0, Decimal(-500)),
        ("Living", 0, Decimal(-100)),
        ("Food", 1, Decimal(-70)),
        ("Not categorised", 0, Decimal(-5)),
    ]
    assert category_tree(found, Section.INCOME, {}) == []


def test_what_has_no_rate_is_named(alice: User) -> None:
    francs = open_account(holder=alice, name="Francs", currency="CHF", opened_on=BEGIN, actor=alice)
    move(francs, "-5", "Food")
    found = flows(cash_of(alice), MARCH, MAY, "USD")
    assert (found.rows, len(found.missing)) == ([], 1)
    assert found.missing[0].startswith("2024-05: There is no exchange rate from CHF to USD")
    assert "There is no exchange rate from CHF to USD" in read(alice)


def test_what_is_spent_for_an_employer_is_not_ones_own(firm: Organisation) -> None:
    card = employ(firm, "eve")
    move(card, "-25", "Travel")
    assert not flows(cash_of(card.holder), MARCH, MAY, "USD").rows
    eve = User.objects.get(username="eve")
    assert "spent for Acme, not counted" in read(eve)
    own = open_account(holder=eve, name="Daily", opened_on=BEGIN, actor=eve)
    counted = move(own, "-7", "Travel")
    rows = (
        client_of(eve)
        .get("/api/banking/transactions/", {"organisation": "0", "category": str(counted.category_id)})
        .json()
    )
    assert [row["id"] for row in rows["results"]] == [counted.pk], "the rows that the figure is the sum of"


@pytest.mark.parametrize(("month", "last"), [("2024-02", 29), ("2023-02", 28), ("2024-12", 31)])
def test_the_end_of_a_month(month: str, last: int) -> None:
    assert month_end(month).day == last


def test_a_shipped_category_and_ones_own_of_its_german_name_are_told_apart(alice: User, daily: Account) -> None:
    Category.objects.create(section=Section.EXPENSE, name="Rent")
    move(daily, "-500", "Rent")
    User.objects.filter(pk=alice.pk).update(locale="de")
    assert "Rent" not in read(alice)
    move(daily, "-7", "Miete")
    shown = read(alice)
    assert "Miete" in shown
    assert "Rent" in shown


def test_the_page_says_what_there_is(alice: User, daily: Account) -> None:
    move(daily, "3000", "Salary", MARCH)
    move(daily, "-500", "Rent")
    house = add_possession(holder=alice, name="House", value=Decimal(200_000), day=date(2023, 5, 20), actor=alice)
    shown = read(alice)
    assert "203,500.00 <small>USD</small>" in shown  # 1000 + 3000 − 500 + 200000
    assert "at the close of 20 May 2024" in shown
    assert "−500.00" in shown.split("In a month")[1].split("</dd>")[0]
    assert "+3,500.00" in shown.split("In a year")[1].split("</dd>")[0]
    assert "+1.75%" in shown.split("In a year")[1].split("</dd>")[0]  # 3500 ÷ 200000
    assert "83.3%" in shown  # (3000 − 500) ÷ 3000
    rent = Category.objects.get(name="Rent").pk
    link = f"/banking/transactions/?organisation=0&amp;section=expense&amp;category={rent}"
    assert f"{link}&amp;start=2023-06-01&amp;end=2024-05-20" in shown
    assert f"/banking/possessions/#possession-{house.pk}" in shown
    of_march = read(alice, month="2024-03")
    assert link not in of_march
    assert "March 2024, in USD" in of_march
    assert "201,000.00 <small>USD</small>" in read(alice, as_of="2024-01-31")


@pytest.mark.parametrize("query", [{"as_of": "x"}, {"as_of": "1900-01-01"}, {"span": "9y"}, {"month": "2024-13"}])
def test_odd_choices_are_answered(query: dict[str, Any], alice: User, daily: Account) -> None:
    assert "Net worth" in read(alice, **query)


@pytest.mark.parametrize(
    ("span", "first"), [("1y", "31 January 2023"), ("3y", "31 January 2021"), ("all", "31 May 2019")]
)
def test_how_long_the_chart_goes_back(span: str, first: str, alice: User, daily: Account) -> None:
    add_possession(holder=alice, name="House", value=Decimal(5), day=date(2019, 6, 3), actor=alice)
    assert f"from {first}" in " ".join(read(alice, span=span).split())


def test_it_is_only_ones_own(alice: User, firm: Organisation) -> None:
    bob = make_user("bob")
    theirs = open_account(holder=bob, name="Bobs", balance=Decimal(77), opened_on=BEGIN, actor=bob)
    AccountShare.objects.create(account=theirs, user=alice)
    open_account(holder=firm, name="Operating", balance=Decimal(88), opened_on=BEGIN, actor=alice)
    shown = read(alice)
    assert "Nothing is here yet" in shown
    assert "Bobs" not in shown
    assert f"/organisation/{firm.pk}/" in shown
    assert client_of(alice).get("/api/net-worth/").json()["total"][-1] == "0"


def test_payments_to_come_and_open_flags(alice: User, daily: Account) -> None:
    soon, late = (timezone.now().date() + timedelta(days=days) for days in (9, 40))
    for name, day in (("Landlord", soon), ("Dentist", late)):
        terms = ScheduleTerms(Decimal(12), day, name=name)
        create_schedule(source=daily, terms=terms, actor=alice, now=timezone.now())
    now = datetime(2024, 5, 20, tzinfo=UTC)
    given: dict[str, Any] = {"as_of": MAY, "measure": 3, "limit": 0, "first_seen": now, "last_seen": now}
    RiskFlag.objects.create(kind="overdrawn", account=daily, **given)
    bob = make_user("bob")
    other = open_account(holder=bob, name="Other", opened_on=BEGIN, actor=bob)
    RiskFlag.objects.create(kind="dormant", account=other, **given)
    shown = read(alice)
    assert ("Landlord" in shown, "Dentist" in shown) == (True, False)
    assert ("Negative cash" in shown, "Dormant account" in shown) == (True, False)
    assert "Landlord" not in read(alice, as_of="2024-05-20")


def test_the_day_is_the_last_one_that_anything_is_known_of(alice: User, daily: Account) -> None:
    asset = make_asset("AAPL")
    make_bars(asset, {date(2024, 3, 1): 100, date(2024, 6, 3): 110})
    buy(make_portfolio(alice), asset, 1, 100, "2024-03-01")
    scope, today = scope_of(alice), date(2024, 12, 1)
    assert (known_since(scope, today), shown_until(scope, today)) == (BEGIN, date(2024, 6, 3))
    house = add_possession(holder=alice, name="House", value=Decimal(5), day=date(2024, 7, 1), actor=alice)
    assert shown_until(scope, today) == date(2024, 7, 1)
    dispose(possession=house, disposed_on=date(2024, 8, 1), actor=alice)
    assert shown_until(scope, today) == date(2024, 8, 1)
    assert shown_until(scope_of(make_user("bob")), today) == today


def test_net_worth_over_http(alice: User, daily: Account) -> None:
    make_rate("EURUSD", {BEGIN: "1.25"})
    card = open_account(holder=alice, name="Card", kind="credit", opened_on=BEGIN, actor=alice)
    move(card, "-50", "Food", MARCH)
    add_possession(holder=alice, name="House", currency="CHF", value=Decimal(5), day=BEGIN, actor=alice)
    answer = client_of(alice).get("/api/net-worth/?as_of=2024-03-31&months=2&currency=EUR").json()
    assert (answer["as_of"], answer["currency"], answer["organisation"]) == ("2024-03-31", "EUR", None)
    assert answer["days"] == ["2024-01-31", "2024-02-29", "2024-03-31"]
    assert answer["parts"]["cash"] == ["800", "800", "800"]
    assert answer["parts"]["debts"] == ["0", "0", "-40"]
    assert answer["total"] == ["800", "800", "760"]
    [house] = [item for item in answer["items"] if item["part"] == "possessions"]
    assert (house["worth"], house["values"]) == ("5", [None] * 3)
    assert {said.split(":")[0] for said in answer["missing"]} == {"House"}
    assert client_of(alice).get("/api/net-worth/").json()["as_of"] == "2024-03-05"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("as_of", "2999-01-01"),
        ("as_of", "0001-01-01"),
        ("as_of", "x"),
        ("currency", "XXX"),
        ("months", "361"),
        ("months", "-1"),
        ("months", "9" * 40),
        ("organisation", "x"),
        ("organisation", "0"),
    ],
)
def test_bad_queries_are_refused_by_name(name: str, value: str, alice: User) -> None:
    answer = client_of(alice).get("/api/net-worth/", {name: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


@pytest.mark.parametrize(
    ("role", "status", "sees_expenses"),
    [
        ("", 404, False),
        (Role.EMPLOYEE, 404, False),
        (Role.VIEWER, 200, False),
        (Role.MEMBER, 200, False),
        (Role.MANAGER, 200, True),
        (Role.OWNER, 200, True),
    ],
)
def test_who_sees_the_organisation(role: str, status: int, sees_expenses: bool, firm: Organisation) -> None:
    open_account(holder=firm, name="Operating", balance=Decimal(88), opened_on=BEGIN, actor=None)
    move(employ(firm, "eve"), "-25", "Travel")
    reader = make_user("reader")
    if role:
        Membership.objects.create(organisation=firm, user=reader, role=role)
    shown = read(reader, f"/organisation/{firm.pk}/", status)
    assert ("Operating" in shown) == (status == 200)
    assert ("Employees’ expenses" in shown, "Travel" in shown) == (sees_expenses, sees_expenses)
    read(reader, f"/organisation/{firm.pk}/expenses/", 200 if sees_expenses else 404)
    assert client_of(reader).get(f"/api/net-worth/?organisation={firm.pk}").status_code == status


def test_expenses_by_employee_and_category(firm: Organisation, alice: User) -> None:
    make_rate("EURUSD", {BEGIN: "1.10"})
    eve, dan = employ(firm, "eve"), employ(firm, "dan", "EUR")
    move(eve, "-25", "Travel")
    move(eve, "-5", "Food")
    move(eve, "-40", "Travel", MARCH)
    move(eve, "50", section=Section.TRANSFER)  # repaid
    move(dan, "-100", "Travel")
    gone = employ(firm, "gone")
    move(gone, "-9", "Food")
    Membership.objects.filter(user=gone.owner).delete()
    found = expenses(firm, date(2024, 5, 1), MAY)
    people = [(row.employee.username, row.spent, row.owed) for row in found.rows]
    assert people == [("dan", Decimal(110), Decimal(110)), ("eve", Decimal(30), Decimal(20))]
    assert found.rows[1].categories == [("Travel", Decimal(25)), ("Food", Decimal(5))]
    assert found.categories == [("Travel", Decimal(135)), ("Food", Decimal(5))]
    assert (found.spent, found.owed) == tuple(exact(140, 130))
    path = f"/organisation/{firm.pk}/"
    shown = read(alice, path, as_of="2024-05-20")
    assert f"/banking/transactions/?account={eve.pk}&amp;section=expense&amp;start=2023-06-01" in shown
    assert "180.00" in shown  # the twelve months have March, too
    lines = read(alice, f"{path}expenses/", as_of="2024-05-20", period="month")
    assert list(csv.reader(io.StringIO(lines))) == [
        ["Employee", "Travel", "Food", "Total", "Not yet repaid", "Currency"],
        ["dan", "110", "0", "110", "110", "USD"],
        ["eve", "25", "5", "30", "20", "USD"],
    ]


def test_what_has_no_category_is_named_in_the_readers_language(firm: Organisation, alice: User) -> None:
    move(employ(firm, "eve"), "-5")
    assert expenses(firm, date(2024, 5, 1), MAY).categories == [("Not categorised", Decimal(5))]
    User.objects.filter(pk=alice.pk).update(locale="de")
    shown = read(alice, f"/organisation/{firm.pk}/", as_of="2024-05-20")
    assert "<span>Ohne Kategorie</span>" in shown
    assert "Not categorised" not in shown


def test_an_advance_is_less_than_nothing_and_a_missing_rate_is_said(firm: Organisation) -> None:
    advanced, francs = employ(firm, "ann"), employ(firm, "cem", "CHF")
    move(advanced, "80", section=Section.TRANSFER)
    move(francs, "-3", "Food")
    found = expenses(firm, MARCH, MAY)
    assert [(row.employee.username, row.owed) for row in found.rows] == [("ann", Decimal(-80)), ("cem", None)]
    assert found.owed == -80
    assert len(found.missing) == 1


def test_more_of_everything_takes_no_more_queries(firm: Organisation, alice: User, daily: Account) -> None:
    def fill(number: int) -> None:
        move(employ(firm, f"worker{number}"), "-25", f"Travel {number}")
        for holder in (alice, firm):
            account = open_account(holder=holder, name=f"A{number}", balance=Decimal(5), opened_on=BEGIN, actor=alice)
            move(account, "-2", f"Food {number}")
            add_possession(holder=holder, name=f"P{number}", value=Decimal(5), day=BEGIN, actor=alice)
            terms = ScheduleTerms(Decimal(2), timezone.now().date() + timedelta(days=9), name="Landlord")
            create_schedule(source=account, terms=terms, actor=alice, now=timezone.now())

    def queries_of(path: str) -> int:
        return count_queries(lambda: read(alice, path))[0]

    pages = ["/banking/?span=all", f"/organisation/{firm.pk}/?span=all"]
    for number in range(2):
        fill(number)
    few = [queries_of(path) for path in pages]
    for number in range(2, 8):
        fill(number)
    assert [queries_of(path) for path in pages] == few


def test_the_page_in_german(alice: User, daily: Account) -> None:
    alice.locale = "de"
    alice.save()
    move(daily, "-200", "Food")
    move(daily, "3000", "Salary")
    page = read(alice, as_of=MAY.isoformat())
    for words in ("Reinvermögen", "Ausgaben: 200,00 USD", "Einnahmen: 3.000,00 USD", "Girokonto", "20.05.2024"):
        assert words in page
    assert 'class="stress-bar loss"' in page
    assert 'class="stress-bar gain"' in page
