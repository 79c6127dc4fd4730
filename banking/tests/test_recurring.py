"""What recurs, by hand and by property; its page and its API."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from banking.matching.recurring import Interval, Payment, next_day, recurring
from banking.models import Account, DismissedRecurrence
from banking.services.classification import counterparty_named
from banking.services.transactions import book_cash
from core.testing import Page, client_of, count_queries
from users.models import Membership, Organisation, Role, User

URL = "/api/banking/recurring/"
START = date(2024, 1, 31)


def line(days: list[date], amounts: list[str] | None = None, text: str = "Netflix 1") -> list[Payment]:
    amounts = amounts or ["-10"] * len(days)
    return [
        Payment(row, 1, day, Decimal(amount), text) for row, (day, amount) in enumerate(zip(days, amounts, strict=True))
    ]


MONTHS = [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)]


@pytest.mark.parametrize(
    ("days", "word", "expected"),
    [
        (MONTHS, "monthly", date(2024, 5, 31)),
        (MONTHS[:3], "monthly", date(2024, 4, 30)),
        ([date(2024, 1, 31), date(2024, 3, 1), date(2024, 3, 31)], "monthly", date(2024, 4, 30)),
        ([START + timedelta(7 * week) for week in range(5)], "weekly", date(2024, 3, 6)),
        ([date(2023, 7, 15), date(2023, 10, 16), date(2024, 1, 15)], "quarterly", date(2024, 4, 15)),
        ([date(2022, 3, 1), date(2023, 3, 1), date(2024, 3, 1)], "yearly", date(2025, 3, 1)),
    ],
)
def test_intervals_by_hand(days: list[date], word: str, expected: date) -> None:
    [found] = recurring(line(days), days[-1])
    assert (found.interval.word, found.expected, found.times) == (word, expected, len(days))
    assert found.yearly == Decimal(-10) * {"weekly": 52, "monthly": 12, "quarterly": 4, "yearly": 1}[word]


def test_what_does_not_recur() -> None:
    assert recurring(line(MONTHS[:2]), MONTHS[1]) == []
    assert recurring(line([START, START + timedelta(3), START + timedelta(50)]), START + timedelta(50)) == []
    assert recurring(line(MONTHS), date(2024, 5, 31) + timedelta(15)) != []
    assert recurring(line(MONTHS), date(2024, 5, 31) + timedelta(16)) == []
    assert recurring(line(MONTHS, text="4711"), MONTHS[-1]) == []  # a number alone names nobody


def test_amounts_may_creep_and_not_leap() -> None:
    [found] = recurring(line(MONTHS, ["-10", "-11", "-12", "-13"]), MONTHS[-1])
    assert (found.times, found.amount) == (4, -13)
    assert recurring(line(MONTHS, ["-10", "-10", "-11.01", "-11.01"]), MONTHS[-1]) == []


def test_two_lines_of_one_name_are_told_apart_and_a_pause_begins_anew() -> None:
    both = [each._replace(row=each.row + 10 * n, amount=Decimal(-10 * n)) for n in (1, 3) for each in line(MONTHS)]
    small, large = sorted(recurring(both, MONTHS[-1]), key=lambda each: each.times * abs(each.amount))
    assert (small.amount, large.amount) == (-10, -30)
    assert small.key != large.key
    [found] = recurring(line([date(2023, 5, 31), *MONTHS]), MONTHS[-1])
    assert (found.first, found.times) == (MONTHS[0], 4)
    [shorter] = recurring(line(MONTHS[1:]), MONTHS[-1])
    assert shorter.key == found.key


@given(
    st.sampled_from(list(Interval)),
    st.integers(3, 12),
    st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    st.integers(1, 10**6),
    st.randoms(),
)
def test_regular_payments_are_found_in_any_order(
    interval: Interval, times: int, start: date, cents: int, random: Any
) -> None:
    days = [start]
    for _ in range(times - 1):
        days.append(next_day(days[-1], interval, start.day))
    payments = line(days, [str(-Decimal(cents) / 100)] * times)
    random.shuffle(payments)
    [found] = recurring(payments, days[-1])
    assert (found.interval, found.times, found.last) == (interval, times, days[-1])
    assert found.expected > found.last
    assert set(found.rows) == set(range(times))


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


def subscribe(account: Account, name: str = "Netflix", amount: str = "-10", **terms: Any) -> None:
    """Four payments, one a month, the last one today."""
    today = timezone.now().date()
    shop = counterparty_named(name, books=account)
    for step in range(4):
        book_cash(
            account=account,
            amount=Decimal(amount),
            booked_on=today - timedelta(days=30 * step),
            section="income" if Decimal(amount) > 0 else "expense",  # type: ignore[arg-type]
            actor=None,
            counterparty=shop,
            **terms,
        )


def test_the_api_lists_what_recurs(alice: User, bob: User, account: Account) -> None:
    subscribe(account)
    subscribe(account, "Employer", "3000")
    found = client_of(alice).get(URL).json()["results"]
    assert [(row["name"], row["amount"], row["yearly"], row["interval"]) for row in found] == [
        ("Employer", "3000", "36000", "monthly"),
        ("Netflix", "-10", "-120", "monthly"),
    ]
    assert (found[1]["currency"], found[1]["account"], found[1]["times"]) == ("USD", account.pk, 4)
    assert client_of(bob).get(URL).json()["results"] == []


def test_a_suggestion_is_dismissed_and_comes_back(alice: User, account: Account) -> None:
    subscribe(account)
    client = client_of(alice)
    [found] = client.get(URL).json()["results"]
    for _ in range(2):
        assert client.post(f"{URL}dismiss/", {"key": found["key"], "account": account.pk}).status_code == 204
    assert client.get(URL).json()["results"] == []
    [shown] = client.get(f"{URL}?dismissed=true").json()["results"]
    assert (shown["key"], shown["dismissed"]) == (found["key"], True)
    assert client.post(f"{URL}restore/", {"key": found["key"], "account": account.pk}).status_code == 204
    assert len(client.get(URL).json()["results"]) == 1
    assert not DismissedRecurrence.objects.exists()


@pytest.mark.parametrize(("role", "sees", "status"), [(None, 0, 400), (Role.VIEWER, 1, 400), (Role.MEMBER, 1, 204)])
def test_an_organisations_are_for_those_who_read_its_books(
    alice: User, bob: User, role: Role | None, sees: int, status: int
) -> None:
    firm = Organisation.objects.create(name="Firm")
    Membership.objects.create(organisation=firm, user=alice, role=Role.OWNER)
    if role:
        Membership.objects.create(organisation=firm, user=bob, role=role)
    account = Account.objects.create(organisation=firm, name="Firm's", currency="USD")
    subscribe(account)
    [found] = client_of(alice).get(URL).json()["results"]
    assert len(client_of(bob).get(URL).json()["results"]) == sees
    answer = client_of(bob).post(f"{URL}dismiss/", {"key": found["key"], "account": account.pk})
    assert answer.status_code == status, answer.content
    assert DismissedRecurrence.objects.count() == (status == 204)


@pytest.mark.parametrize("body", [{}, {"key": "x"}, {"key": 7, "account": True}, {"key": "\x00"}])
def test_what_is_no_suggestion_is_refused(alice: User, account: Account, body: dict[str, Any]) -> None:
    assert client_of(alice).post(f"{URL}dismiss/", {"account": account.pk, "key": None} | body).status_code == 400


def test_the_page_shows_and_dismisses(alice: User, account: Account, client: Client) -> None:
    client.force_login(alice)
    page = "/banking/recurring/"
    assert "Nothing recurs yet" in client.get(page).content.decode()
    subscribe(account, "<b>Netflix</b>")
    queries, _ = count_queries(lambda: client.get(page))
    text = client.get(page).content.decode()
    assert Page(text).faults == []
    assert "&lt;b&gt;Netflix" in text
    assert "120.00" in text
    [found] = client_of(alice).get(URL).json()["results"]
    body = {"key": found["key"], "account": str(account.pk)}
    assert client.post(f"{page}dismiss/", body).status_code == 302
    text = client.get(page).content.decode()
    assert "Dismissed" in text
    assert client.post(f"{page}restore/", body).status_code == 302
    assert not DismissedRecurrence.objects.exists()
    for bad in ({"key": "x"}, {"key": found["key"], "account": "9" * 400}, {}):
        assert client.post(f"{page}dismiss/", bad).status_code == 404
    for name in ("Spotify", "Gym", "Phone"):
        subscribe(account, name, "-20")
    assert count_queries(lambda: client.get(page))[0] == queries
