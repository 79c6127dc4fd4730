"""Who sees an account and who books into it: its owner, an organisation's roles, those it is shared with, managers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from banking.models import Account, AccountShare, ShareRole
from core.testing import make_user
from users.models import Membership, Organisation, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Organisation:
    return Organisation.objects.create(name="Acme")


@pytest.fixture
def somebody() -> User:
    return make_user("somebody")


def doors(user: User) -> tuple[set[str], set[str], set[str]]:
    """The names of the accounts that a person sees, books into and manages."""
    rows = Account.objects
    found = (rows.visible_to(user), rows.editable_by(user), rows.managed_by(user))
    return tuple(set(each.values_list("name", flat=True)) for each in found)  # type: ignore[return-value]


def test_a_person_has_their_own_and_nobody_elses(somebody: User) -> None:
    Account.objects.create(owner=somebody, name="Own", currency="EUR")
    Account.objects.create(owner=make_user("other"), name="Theirs", currency="EUR")
    assert doors(somebody) == ({"Own"}, {"Own"}, {"Own"})
    assert not Account.objects.visible_to(AnonymousUser()).exists()
    assert not Account.objects.editable_by(AnonymousUser()).exists()
    assert not Account.objects.managed_by(AnonymousUser()).exists()


@pytest.mark.parametrize(
    ("role", "seen", "booked", "managed"),
    [
        (Role.EMPLOYEE, 0, 0, 0),
        (Role.VIEWER, 1, 0, 0),
        (Role.MEMBER, 1, 1, 0),
        (Role.MANAGER, 1, 1, 1),
        (Role.OWNER, 1, 1, 1),
    ],
)
def test_what_belongs_to_an_organisation(
    role: Role, seen: int, booked: int, managed: int, firm: Organisation, somebody: User
) -> None:
    Account.objects.create(organisation=firm, name="Operating", currency="EUR")
    Membership.objects.create(organisation=firm, user=somebody, role=role)
    assert tuple(len(each) for each in doors(somebody)) == (seen, booked, managed)


@pytest.mark.parametrize(("role", "booked"), [(ShareRole.VIEWER, 0), (ShareRole.EDITOR, 1)])
def test_what_is_shared(role: ShareRole, booked: int, somebody: User) -> None:
    owner = make_user("owner")
    account = Account.objects.create(owner=owner, name="Joint", currency="EUR")
    AccountShare.objects.create(account=account, user=somebody, role=role)
    assert tuple(len(each) for each in doors(somebody)) == (1, booked, 0)
    assert AccountShare.objects.visible_to(somebody).count() == 1
    assert AccountShare.objects.editable_by(somebody).count() == 0
    assert AccountShare.objects.editable_by(owner).count() == 1


@pytest.mark.parametrize(("role", "seen"), [(Role.MEMBER, 0), (Role.MANAGER, 1), (Role.OWNER, 1)])
def test_expense_accounts_of_employees(role: Role, seen: int, firm: Organisation, somebody: User) -> None:
    employee = make_user("employee")
    own = Account.objects.create(owner=employee, name="Expenses", currency="EUR", kind="expense", employer=firm)
    Membership.objects.create(organisation=firm, user=somebody, role=role)
    assert doors(somebody) == (set(), set(), set()), "the employee does not belong to the organisation yet"
    left = Membership.objects.create(organisation=firm, user=employee, role=Role.EMPLOYEE)
    assert tuple(len(each) for each in doors(somebody)) == (seen, 0, 0)
    assert list(Account.objects.expenses_of(firm)) == [own]
    left.delete()
    assert doors(somebody) == (set(), set(), set())
    assert doors(employee) == ({"Expenses"}, {"Expenses"}, {"Expenses"})


def both(firm: Organisation, somebody: User) -> Account:
    return Account(owner=somebody, organisation=firm, name="Two owners", currency="EUR")


def nobody(firm: Organisation, somebody: User) -> Account:
    return Account(name="None", currency="EUR")


def employed_by_wages(firm: Organisation, somebody: User) -> Account:
    return Account(owner=somebody, name="Wages", currency="EUR", kind="checking", employer=firm)


def nameless(firm: Organisation, somebody: User) -> Account:
    return Account(owner=somebody, name="Pay me", currency="EUR", receives=True)


@pytest.mark.parametrize("wrong", [both, nobody, employed_by_wages, nameless])
def test_the_database_refuses(
    wrong: Callable[[Organisation, User], Account], firm: Organisation, somebody: User
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        wrong(firm, somebody).save()


def test_one_account_receives_under_a_name(somebody: User) -> None:
    Account.objects.create(owner=somebody, name="First", currency="EUR", iban="savings", receives=True)
    other = make_user("other")
    Account.objects.create(owner=other, name="Same name, closed to others", currency="EUR", iban="savings")
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.create(owner=make_user("third"), name="Second", currency="EUR", iban="savings", receives=True)
