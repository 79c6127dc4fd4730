"""Schedules with a clock of the tests' own: months, ends of months, time zones, failures, pauses."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from activity.models import AuditEvent
from assets.tests.factories import make_rate
from banking.models import Account, CashTransaction, Category, RunState, Schedule, ScheduleRun, ScheduleState, Transfer
from banking.queries.upcoming import upcoming
from banking.recurrence import Recurrence
from banking.services import schedules
from banking.services.accounts import open_account
from banking.services.schedules import (
    BadSchedule,
    NotDueThen,
    ScheduleEnded,
    ScheduleNotActive,
    ScheduleNotPaused,
    ScheduleTerms,
    create_schedule,
    end_schedule,
    pause_schedule,
    resume_schedule,
    skip_occurrence,
)
from banking.services.standing_orders import MOST_EACH, run_due, run_now
from banking.services.transactions import AccountClosed
from banking.services.verification import cash_findings
from core.errors import DomainError
from users.models import Membership, Organisation, Role, User

SET_UP = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def checking(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


@pytest.fixture
def savings(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Savings", currency="USD")


def plan(
    source: Account, first: str = "2024-01-31", amount: str = "100", now: datetime = SET_UP, **values: Any
) -> Schedule:
    if not values.keys() & {"target", "iban"}:
        values.setdefault("name", "Landlord")
    terms = ScheduleTerms(Decimal(amount), date.fromisoformat(first), **values)
    return create_schedule(source=source, terms=terms, actor=source.owner, now=now)


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def booked(account: Account) -> list[str]:
    rows = CashTransaction.objects.filter(account=account).order_by("booked_on", "pk")
    return [f"{row.booked_on:%Y-%m-%d} {row.amount.normalize():f}" for row in rows]


def test_rent_is_paid_at_the_end_of_each_month(checking: Account, alice: User) -> None:
    rent = Category.objects.create(owner=alice, section="expense", name="My rent")
    schedule = plan(checking, category=rent, description="Flat")
    assert run_due(at("2024-01-30")) == 0
    assert [run_due(at(day)) for day in ("2024-01-31", "2024-01-31", "2024-02-29", "2024-03-31")] == [1, 0, 1, 1]
    assert booked(checking) == ["2024-01-31 -100", "2024-02-29 -100", "2024-03-31 -100"]
    row = CashTransaction.objects.first()
    assert row
    assert (row.category, str(row.counterparty), row.section, row.created_by) == (rent, "Landlord", "expense", alice)
    schedule.refresh_from_db()
    assert (schedule.next_on, schedule.position) == (date(2024, 4, 30), 3)


def test_missed_days_are_caught_up_once_in_their_order(checking: Account, savings: Account) -> None:
    plan(checking, target=savings)
    plan(savings, "2024-02-01", amount="7", unit="week")
    assert run_due(at("2024-04-15")) == 3 + 11
    assert run_due(at("2024-04-15")) == 0
    assert booked(checking)[0] == "2024-01-31 -100"
    assert Transfer.objects.count() == 3
    assert [run.due_on.isoformat() for run in ScheduleRun.objects.filter(transfer__isnull=False).order_by("pk")] == [
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
    ]
    assert list(cash_findings()) == []


def test_years_are_caught_up_in_portions(checking: Account) -> None:
    plan(checking, "2024-01-01", amount="1", unit="week")
    other = plan(checking, "2026-01-01", amount="2", unit="once")
    assert run_due(at("2026-01-01")) == MOST_EACH + 1
    other.refresh_from_db()
    assert other.state == ScheduleState.ENDED
    assert run_due(at("2026-01-01")) == MOST_EACH
    assert run_due(at("2026-01-01")) == 105 - 2 * MOST_EACH
    assert len(booked(checking)) == 106


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Pacific/Kiritimati", "2024-03-09T09:59:00", "2024-03-09T10:00:00"),
        ("UTC", "2024-03-09T23:59:59", "2024-03-10T00:00:00"),
        ("America/New_York", "2024-03-10T04:59:00", "2024-03-10T05:00:00"),
        ("Europe/Zurich", "2024-03-09T22:59:00", "2024-03-09T23:00:00"),
    ],
)
def test_a_day_begins_where_the_owner_is(checking: Account, alice: User, zone: str, before: str, after: str) -> None:
    alice.time_zone = zone
    alice.save()
    plan(checking, "2024-03-10")
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (before, after)]
    assert [run_due(moment) for moment in moments] == [0, 1]
    assert booked(checking) == ["2024-03-10 -100"]


def test_clocks_that_change_neither_lose_nor_double_a_day(checking: Account, alice: User) -> None:
    alice.time_zone = "America/New_York"
    alice.save()
    plan(checking, "2024-03-09", unit="week", amount="1")
    moment, paid = at("2024-03-09", 0), 0
    while moment < at("2024-03-31", 0):  # through 10 March, when 2:00 is skipped
        paid += run_due(moment)
        moment += timedelta(hours=1)
    assert (paid, len(booked(checking))) == (4, 4)
    assert [line[:10] for line in booked(checking)] == ["2024-03-09", "2024-03-16", "2024-03-23", "2024-03-30"]


def test_a_weekend_moves_it(checking: Account) -> None:
    plan(checking, "2024-06-01", weekend="before", now=at("2024-05-31"))
    assert run_due(at("2024-05-31")) == 1
    assert booked(checking) == ["2024-05-31 -100"]
    assert run_due(at("2024-06-30")) == 0
    assert run_due(at("2024-07-01")) == 1


def test_a_weekend_moves_the_first_one_neither_into_the_past_nor_into_a_closed_account(checking: Account) -> None:
    with pytest.raises(BadSchedule) as refused:
        plan(checking, "2024-06-01", weekend="before", now=at("2024-06-01"))
    assert (refused.value.field, "2024-05-31" in refused.value.message) == ("first_on", True)
    Account.objects.filter(pk=checking.pk).update(closed_on=date(2024, 6, 3))
    checking.refresh_from_db()
    with pytest.raises(AccountClosed):
        plan(checking, "2024-06-01", weekend="after", now=at("2024-06-01"))
    assert not Schedule.objects.exists()
    assert plan(checking, "2024-06-01", weekend="before", now=at("2024-05-31")).next_on == date(2024, 5, 31)


@pytest.mark.parametrize(
    ("terms", "paid"), [({"unit": "once"}, 1), ({"count": 2}, 2), ({"until": date(2024, 3, 30)}, 2)]
)
def test_it_ends(checking: Account, terms: dict[str, Any], paid: int) -> None:
    schedule = plan(checking, **terms)
    assert run_due(at("2025-01-01")) == paid
    schedule.refresh_from_db()
    assert (schedule.state, schedule.next_on) == (ScheduleState.ENDED, None)
    for change in (pause_schedule, end_schedule):
        with pytest.raises(ScheduleEnded):
            change(schedule=schedule, actor=None)


def test_an_account_of_another_that_receives_gets_both_legs(checking: Account, bob: User) -> None:
    theirs = Account.objects.create(owner=bob, name="Bob's", currency="EUR", iban="bob", receives=True)
    make_rate("EURUSD", {date(2024, 1, 30): "1.25"})
    plan(checking, iban="bob")
    assert run_due(at("2024-01-31")) == 1
    assert (booked(checking), booked(theirs)) == (["2024-01-31 -100"], ["2024-01-31 80"])
    assert list(cash_findings()) == []


@pytest.mark.parametrize("code", ["DE89370400440532013000", "landlord"])
def test_who_takes_the_number_of_somebody_outside_is_not_paid(
    checking: Account, alice: User, bob: User, code: str
) -> None:
    plan(checking, iban=code, name="Landlord")
    taken = open_account(holder=bob, name="Taken", currency="EUR", iban=code, receives=True, actor=bob)
    assert run_due(at("2024-01-31")) == 1
    assert (booked(checking), booked(taken)) == (["2024-01-31 -100"], [])
    plan(checking, iban=code, name="Bob", first="2024-02-01", now=at("2024-02-01"), amount="7", unit="once")
    Account.objects.filter(pk=taken.pk).update(currency="USD")
    assert run_due(at("2024-02-01")) == 1
    assert booked(taken) == ["2024-02-01 7"]
    Account.objects.filter(pk=taken.pk).update(receives=False, iban="")
    plan(checking, iban=code, name="Outside again", first="2024-02-02", now=at("2024-02-02"), amount="8", unit="once")
    assert run_due(at("2024-02-02")) == 1
    assert booked(taken) == ["2024-02-01 7"]


def test_without_a_rate_it_waits_longer_each_time_and_holds_nobody(checking: Account, alice: User) -> None:
    euros = Account.objects.create(owner=alice, name="Euros", currency="EUR")
    stuck = plan(checking, target=euros)
    plan(checking, amount="5")
    now = at("2024-01-31")
    assert run_due(now) == 1
    run = ScheduleRun.objects.get(schedule=stuck)
    assert (run.state, run.attempts) == (RunState.FAILED, 1)
    assert "exchange rate" in run.error
    pauses = []
    for _ in range(3):
        stuck.refresh_from_db()
        assert stuck.retry_at
        pauses.append(stuck.retry_at - now)
        assert run_due(stuck.retry_at - timedelta(seconds=1)) == 0
        now = stuck.retry_at
        run_due(now)
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 2, 4)]
    make_rate("EURUSD", {date(2024, 1, 30): "1.25"})
    assert run_due(now + timedelta(hours=1)) == 1
    run.refresh_from_db()
    stuck.refresh_from_db()
    assert (run.state, run.error, run.attempts, stuck.retry_at) == (RunState.DONE, "", 5, None)
    assert booked(euros) == ["2024-01-31 80"]
    assert AuditEvent.objects.filter(action="schedule.failed").count() == 1


def test_a_closed_account_keeps_its_later_days_waiting(checking: Account, savings: Account) -> None:
    plan(checking, target=savings)
    Account.objects.filter(pk=savings.pk).update(closed_on=date(2024, 2, 1))
    assert run_due(at("2024-04-01")) == 1
    assert run_due(at("2024-04-02")) == 0
    failed = ScheduleRun.objects.get(state=RunState.FAILED)
    assert (failed.due_on, failed.error) == (date(2024, 2, 29), "The account is closed since 2024-02-01.")
    Account.objects.update(closed_on=None)
    assert run_due(at("2024-04-03")) == 2
    assert [line[:10] for line in booked(savings)] == ["2024-01-31", "2024-02-29", "2024-03-31"]


def test_who_left_pays_no_more_until_somebody_takes_it_over(alice: User, bob: User) -> None:
    firm = Organisation.objects.create(name="Acme")
    operating = Account.objects.create(organisation=firm, name="Operating", currency="USD")
    left = Membership.objects.create(organisation=firm, user=bob, role=Role.MEMBER)
    Membership.objects.create(organisation=firm, user=alice, role=Role.MEMBER)
    terms = ScheduleTerms(Decimal(5), date(2024, 1, 31), name="Landlord")
    schedule = create_schedule(source=operating, terms=terms, actor=bob, now=SET_UP)
    assert run_due(at("2024-01-31")) == 1
    left.delete()
    assert run_due(at("2024-02-29")) == 0
    assert "no longer pay" in ScheduleRun.objects.get(state=RunState.FAILED).error
    schedules.change_schedule(schedule=schedule, actor=alice, description="Rent")
    assert run_due(at("2024-02-29")) == 1
    assert CashTransaction.objects.latest("pk").created_by == alice


@pytest.mark.parametrize("gone", ["deleted", "locked out"])
def test_it_does_not_outlive_who_set_it_up(alice: User, bob: User, gone: str) -> None:
    firm = Organisation.objects.create(name="Acme")
    operating = Account.objects.create(organisation=firm, name="Operating", currency="USD")
    for person in (alice, bob):
        Membership.objects.create(organisation=firm, user=person, role=Role.MEMBER)
    terms = ScheduleTerms(Decimal(5), date(2024, 1, 31), name="Landlord")
    schedule = create_schedule(source=operating, terms=terms, actor=bob, now=SET_UP)
    if gone == "deleted":
        Schedule.objects.update(created_by=None)  # what deleting a person does to it
    else:
        User.objects.filter(pk=bob.pk).update(is_active=False)
    assert run_due(at("2024-01-31")) == 0
    assert not CashTransaction.objects.exists()
    assert "no longer pay" in ScheduleRun.objects.get().error
    schedules.change_schedule(schedule=schedule, actor=alice, description="Rent")
    assert run_due(at("2024-01-31")) == 1


def test_below_zero_is_allowed_and_told(checking: Account, alice: User) -> None:
    card = Account.objects.create(owner=alice, name="Card", currency="USD", kind="credit")
    plan(checking)
    plan(card)
    run_due(at("2024-01-31"))
    told = dict(ScheduleRun.objects.values_list("schedule__source__name", "overdrawn"))
    assert told == {"Checking": True, "Card": False}


def test_what_was_due_while_it_paused_is_left_out(checking: Account) -> None:
    schedule = plan(checking)
    run_due(at("2024-01-31"))
    pause_schedule(schedule=schedule, actor=None)
    with pytest.raises(ScheduleNotActive):
        run_now(schedule=schedule, due_on=date(2024, 2, 29), actor=None, now=at("2024-02-01"))
    assert run_due(at("2024-03-31")) == 0
    resume_schedule(schedule=schedule, actor=None, now=at("2024-03-31"))
    with pytest.raises(ScheduleNotPaused):
        resume_schedule(schedule=schedule, actor=None, now=at("2024-03-31"))
    assert run_due(at("2024-03-31")) == 1
    assert booked(checking) == ["2024-01-31 -100", "2024-03-31 -100"]


def test_an_occurrence_is_left_out_the_next_or_a_later_one(checking: Account) -> None:
    schedule = plan(checking)
    skip_occurrence(schedule=schedule, due_on=date(2024, 3, 31), actor=None)
    skip_occurrence(schedule=schedule, due_on=date(2024, 1, 31), actor=None)
    for wrong in ("2024-01-31", "2024-03-30", "9999-12-31", "0001-01-01"):
        with pytest.raises(NotDueThen):
            skip_occurrence(schedule=schedule, due_on=date.fromisoformat(wrong), actor=None)
    assert run_due(at("2024-05-01")) == 2
    assert [line[:10] for line in booked(checking)] == ["2024-02-29", "2024-04-30"]


@pytest.mark.parametrize(("day", "known"), [("9998-12-30", True), ("9998-12-31", False), ("9999-12-31", False)])
def test_a_far_day_is_left_out_without_counting_up_to_it(checking: Account, day: str, known: bool) -> None:
    schedule = plan(checking, "2024-01-03", unit="week")
    looked_at: list[int] = []
    seen = Recurrence.due
    sys.setprofile(lambda frame, _event, _: looked_at.append(1) if frame.f_code is seen.__code__ else None)
    try:
        skip_occurrence(schedule=schedule, due_on=date.fromisoformat(day), actor=None)
        left_out = True
    except NotDueThen:
        left_out = False
    finally:
        sys.setprofile(None)
    assert (left_out, len(looked_at) < 300) == (known, True)


def test_a_resumed_or_changed_one_keeps_what_was_left_out(checking: Account) -> None:
    schedule = plan(checking)
    skip_occurrence(schedule=schedule, due_on=date(2024, 3, 31), actor=None)
    pause_schedule(schedule=schedule, actor=None)
    resume_schedule(schedule=schedule, actor=None, now=at("2024-03-15"))
    schedules.change_schedule(schedule=schedule, actor=None, amount=Decimal(7), until=date(2024, 4, 30))
    assert run_due(at("2024-12-31")) == 1
    assert booked(checking) == ["2024-04-30 -7"]


def test_it_is_run_at_once_and_not_again_on_its_day(checking: Account) -> None:
    schedule = plan(checking)
    due_on = date(2024, 1, 31)
    run = run_now(schedule=schedule, due_on=due_on, actor=None, now=at("2024-01-15"))
    with pytest.raises(NotDueThen):
        run_now(schedule=schedule, due_on=due_on, actor=None, now=at("2024-01-15"))
    assert (run.due_on, booked(checking)) == (date(2024, 1, 31), ["2024-01-15 -100"])
    assert run_due(at("2024-02-28")) == 0
    assert run_due(at("2024-02-29")) == 1


def test_the_database_pays_a_day_once(checking: Account) -> None:
    schedule = plan(checking)
    run_due(at("2024-01-31"))
    with pytest.raises(IntegrityError), transaction.atomic():
        ScheduleRun.objects.create(schedule=schedule, due_on=date(2024, 1, 31), state=RunState.SKIPPED)
    Schedule.objects.filter(pk=schedule.pk).update(position=0, next_on=date(2024, 1, 31))  # as if it had been forgotten
    run_due(at("2024-01-31"))
    assert booked(checking) == ["2024-01-31 -100"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Schedule.objects.filter(pk=schedule.pk).update(amount=0)


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"first": "2023-12-31"}, BadSchedule, "first_on"),
        ({"first": "9999-12-31"}, BadSchedule, "first_on"),
        ({"amount": "0"}, DomainError, "amount"),
        ({"amount": "NaN"}, DomainError, "amount"),
        ({"amount": "1.001"}, DomainError, "amount"),
        ({"amount": "1E+400"}, DomainError, "amount"),
        ({"unit": "day"}, BadSchedule, "unit"),
        ({"weekend": "never"}, BadSchedule, "weekend"),
        ({"interval": 0}, BadSchedule, "interval"),
        ({"interval": 10**9}, BadSchedule, "interval"),
        ({"count": 0}, BadSchedule, "count"),
        ({"until": date(2024, 1, 30)}, BadSchedule, "until"),
        ({"name": ""}, DomainError, "target"),
        ({"name": "x" * 141}, BadSchedule, "target_name"),
        ({"description": "x" * 256}, BadSchedule, "description"),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    checking: Account, values: dict[str, Any], error: type[DomainError], field: str
) -> None:
    with pytest.raises(error) as refused:
        plan(checking, **values)
    assert refused.value.field == field
    assert not Schedule.objects.exists()


def test_the_category_is_the_payers(checking: Account, savings: Account, bob: User, alice: User) -> None:
    theirs = Category.objects.create(owner=bob, section="expense", name="Bob's")
    own = Category.objects.create(owner=alice, section="expense", name="Alice's")
    for values in ({"category": theirs}, {"category": own, "target": savings}):
        with pytest.raises(DomainError):
            plan(checking, **values)


def test_what_is_to_come(checking: Account, savings: Account) -> None:
    plan(checking)
    weekly = plan(checking, "2024-02-01", unit="week", target=savings, amount="5", count=2)
    paused = plan(checking, "2024-02-02")
    pause_schedule(schedule=paused, actor=None)
    skip_occurrence(schedule=weekly, due_on=date(2024, 2, 8), actor=None)
    found = upcoming(Schedule.objects.whole(), date(2024, 3, 1))
    assert [(one.due_on.isoformat(), one.schedule.payee, one.skipped) for one in found] == [
        ("2024-01-31", "Landlord", False),
        ("2024-02-01", "Savings", False),
        ("2024-02-08", "Savings", True),
        ("2024-02-29", "Landlord", False),
    ]


@pytest.mark.parametrize(("language", "most"), [("en", "10,000"), ("de", "10.000")])
def test_the_most_is_told_with_the_separators_of_the_language(
    checking: Account, savings: Account, language: str, most: str
) -> None:
    with translation.override(language), pytest.raises(BadSchedule, match=f"{re.escape(most)}\\b"):
        plan(checking, target=savings, count=10_001)
