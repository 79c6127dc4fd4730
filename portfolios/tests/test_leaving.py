"""What becomes of accounts, portfolios and shares when somebody leaves an organisation, or it is to be deleted."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import Client

from banking.models import Account, AccountKind, AccountShare
from banking.services.accounts import open_account
from banking.services.sharing import share_account
from core.testing import client_of, make_user
from portfolios.models import PortfolioShare
from portfolios.services.portfolios import create_portfolio
from portfolios.services.sharing import share_portfolio
from users.models import Membership, Organisation, Role, User
from users.services.invitations import invite
from users.services.organisations import (
    OrganisationNotEmpty,
    change_role,
    create_organisation,
    delete_organisation,
    remove_member,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(alice: User) -> Organisation:
    return create_organisation(name="Acme", actor=alice)


def join(firm: Organisation, name: str, role: Role) -> Membership:
    user = User.objects.filter(username=name).first() or make_user(name)
    return Membership.objects.create(organisation=firm, user=user, role=role)


def test_who_leaves_takes_nothing_along(firm: Organisation, alice: User, bob: User) -> None:
    """Shares in the organisation's things end, expense accounts are not seen any more, their invitations useless."""
    account = open_account(holder=firm, name="Operating", actor=alice)
    portfolio = create_portfolio(owner=firm, name="Reserve", actor=alice)
    member = join(firm, "bob", Role.VIEWER)
    share_account(account=account, person="bob", role="editor", actor=alice)
    share_portfolio(portfolio=portfolio, person="bob", role="editor", actor=alice)
    own_account = open_account(holder=alice, name="Own", actor=alice)
    share_account(account=own_account, person="bob", role="viewer", actor=alice)
    expenses = open_account(holder=bob, name="Travel", kind=AccountKind.EXPENSE, employer=firm, actor=bob)
    change_role(membership=member, role=Role.MANAGER, actor=alice)
    invite(organisation=firm, email="eve@example.org", role="viewer", actor=bob, link=str)
    assert Account.objects.visible_to(alice).filter(pk=expenses.pk).exists()
    remove_member(membership=member, actor=alice)
    assert set(AccountShare.objects.values_list("account__name", flat=True)) == {"Own"}
    assert not PortfolioShare.objects.exists()
    assert not firm.invitations.open().exists()
    assert not Account.objects.visible_to(alice).filter(pk=expenses.pk).exists()
    assert not Account.objects.expenses_of(firm).exists()
    expenses.refresh_from_db()
    assert expenses.employer == firm, "what was spent for it does not become the person's own"


def test_who_left_still_looks_after_the_account(firm: Organisation, alice: User, bob: User) -> None:
    member = join(firm, "bob", Role.EMPLOYEE)
    other = create_organisation(name="Other", actor=bob)
    expenses = open_account(holder=bob, name="Travel", kind=AccountKind.EXPENSE, employer=firm, actor=bob)
    remove_member(membership=member, actor=alice)
    page = Client()
    page.force_login(bob)
    form = {"name": "Old travel", "kind": "expense", "iban": "", "employer": str(firm.pk)}
    address = f"/banking/accounts/{expenses.pk}/edit/"
    assert f'<option value="{firm.pk}" selected>Acme</option>' in page.get(address).content.decode()
    assert page.post(address, form).status_code == 302
    url, api = f"/api/banking/accounts/{expenses.pk}/", client_of(bob)
    same = api.patch(url, {"name": "Older travel", "employer": firm.pk}, format="json")
    assert (same.status_code, same.json()["employer"]) == (200, firm.pk)
    assert api.post(f"{url}close/", {}, format="json").status_code == 200
    assert api.patch(url, {"employer": other.pk}, format="json").json()["employer"] == other.pk
    assert api.patch(url, {"employer": firm.pk}, format="json").status_code == 400
    assert page.post(address, form | {"employer": ""}).status_code == 302
    expenses.refresh_from_db()
    assert (expenses.name, expenses.employer) == ("Old travel", None)


def test_it_is_not_deleted_while_it_owns_something(firm: Organisation, alice: User, bob: User) -> None:
    member = join(firm, "bob", Role.MEMBER)
    expenses = open_account(holder=bob, name="Travel", kind=AccountKind.EXPENSE, employer=firm, actor=bob)
    account = open_account(holder=firm, name="Operating", actor=alice)
    with pytest.raises(OrganisationNotEmpty, match="accounts"), transaction.atomic():
        delete_organisation(organisation=firm, actor=alice)
    assert Membership.objects.filter(pk=member.pk).exists()
    account.delete()
    delete_organisation(organisation=firm, actor=alice)
    expenses.refresh_from_db()
    assert expenses.employer is None
