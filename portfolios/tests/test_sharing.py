"""Sharing one portfolio or account with one person: who may, with whom, changing and ending it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from activity.models import AuditEvent
from banking.models import Account, AccountShare
from banking.services.accounts import open_account
from banking.services.sharing import (
    SeesItAlready,
    SharedWithOwner,
    UnknownShareRole,
    change_account_share,
    share_account,
    unshare_account,
)
from core.testing import client_of, make_user
from portfolios.models import Portfolio, PortfolioShare
from portfolios.services.portfolios import create_portfolio
from portfolios.services.sharing import share_portfolio
from users.models import Membership, Organisation, Role, User
from users.services.people import UnknownPerson

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(alice: User) -> Account:
    return open_account(holder=alice, name="Household", actor=alice)


def test_an_account_is_shared_changed_and_taken_back(account: Account, alice: User, bob: User) -> None:
    share = share_account(account=account, person=" BOB ", role="viewer", actor=alice)
    assert Account.objects.visible_to(bob).get() == account
    assert not Account.objects.editable_by(bob).exists()
    change_account_share(share=share, role="editor", actor=alice)
    assert Account.objects.editable_by(bob).exists()
    assert not Account.objects.managed_by(bob).exists()
    again = share_account(account=account, person="Bob", role="viewer", actor=alice)
    assert (again.pk, again.role) == (share.pk, "viewer")
    for _ in range(2):
        unshare_account(share=share, actor=bob)
    assert not Account.objects.visible_to(bob).exists()
    said = AuditEvent.objects.filter(action__startswith="account.").order_by("pk").values_list("action", flat=True)
    changed = ["account.share_changed"] * 2
    assert list(said) == ["account.opened", "account.shared", *changed, "account.unshared"]


@pytest.mark.parametrize("person", ["", "nobody", "sleeper", "two@example.org", "x\x00", "é" * 300])
def test_nobody_in_particular(person: str, account: Account, alice: User) -> None:
    """The same is said whether there is nobody, somebody who cannot log in, or more than one."""
    sleeper = make_user("sleeper")
    User.objects.filter(pk=sleeper.pk).update(is_active=False)
    User.objects.filter(pk__in=[make_user("one").pk, make_user("two").pk]).update(email="two@example.org")
    with pytest.raises(UnknownPerson) as caught:
        share_account(account=account, person=person, role="viewer", actor=alice)
    assert (caught.value.field, str(caught.value)) == ("person", str(UnknownPerson()))


def test_an_address_that_somebody_wrote_into_their_profile_gets_nothing(account: Account, alice: User) -> None:
    User.objects.filter(pk=make_user("mallory").pk).update(email="carl@example.org")
    for person in ("carl@example.org", "mallory@example.org"):
        with pytest.raises(UnknownPerson):
            share_account(account=account, person=person, role="viewer", actor=alice)
    named = make_user("carl@example.org")
    assert share_account(account=account, person="carl@example.org", role="viewer", actor=alice).user == named


def test_what_would_be_pointless(account: Account, alice: User, bob: User) -> None:
    with pytest.raises(SharedWithOwner):
        share_account(account=account, person="alice", role="viewer", actor=alice)
    with pytest.raises(UnknownShareRole):
        share_account(account=account, person="bob", role="owner", actor=alice)
    firm = Organisation.objects.create(name="Acme")
    portfolio = create_portfolio(owner=firm, name="Reserve", actor=alice)
    Membership.objects.create(organisation=firm, user=bob, role=Role.VIEWER)
    with pytest.raises(SeesItAlready):
        share_portfolio(portfolio=portfolio, person="bob", role="viewer", actor=alice)
    assert share_portfolio(portfolio=portfolio, person="bob", role="editor", actor=alice).role == "editor"
    Membership.objects.filter(user=bob).update(role=Role.EMPLOYEE)
    assert share_portfolio(portfolio=portfolio, person="bob", role="viewer", actor=alice).role == "viewer"


def test_over_http(alice: User, bob: User) -> None:
    portfolio = create_portfolio(owner=alice, name="Growth")
    url = f"/portfolios/{portfolio.pk}/shares/"
    assert client_of(bob).get(url).status_code == 404
    made = client_of(alice).post(url, {"person": "bob", "role": "editor"}).json()
    assert (made["person"], made["role"], made["shared_by"]) == ("bob", "editor", "alice")
    assert [row["id"] for row in client_of(bob).get(url).json()["results"]] == [made["id"]]
    assert client_of(bob).patch(f"{url}{made['id']}/", {"role": "viewer"}).status_code == 403
    assert client_of(bob).post(url, {"person": "alice"}).status_code == 403
    unknown = client_of(alice).post(url, {"person": "nobody"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_person")
    assert client_of(bob).delete(f"{url}{made['id']}/").status_code == 204
    assert client_of(bob).get(url).status_code == 404


def test_on_the_page(alice: User, bob: User) -> None:
    portfolio = create_portfolio(owner=alice, name="Growth")
    page, browser, other = f"/portfolio/{portfolio.pk}/sharing/", Client(), Client()
    browser.force_login(alice)
    other.force_login(bob)
    assert b"has no" not in browser.get(page).content
    refused = browser.post(page, {"action": "share", "person": "nobody", "role": "viewer"})
    assert b"Nobody was found by this" in refused.content
    said = browser.post(page, {"action": "share", "person": "bob", "role": "viewer"}, follow=True)
    assert b"Shared with bob (bob) as viewer." in said.content
    share = PortfolioShare.objects.get()
    row: dict[str, Any] = {"share": str(share.pk)}
    assert other.post(page, row | {"action": "role", "role": "editor"}).status_code == 403
    browser.post(page, row | {"action": "role", "role": "editor"})
    assert Portfolio.objects.editable_by(bob).exists()
    picker = other.get(f"/?portfolio={portfolio.pk}").content.decode()
    assert "of alice" in picker
    assert other.post(page, row | {"action": "end"})["Location"] == "/"
    assert not PortfolioShare.objects.exists()
    assert browser.post(page, row | {"action": "end"}).status_code == 404
    assert browser.post(page, {"action": "none"}).status_code == 400


def test_an_accounts_page(account: Account, alice: User) -> None:
    browser, page = Client(), f"/banking/accounts/{account.pk}/sharing/"
    browser.force_login(alice)
    make_user("bob")
    said = browser.post(page, {"action": "share", "person": "bob", "role": "editor"}, follow=True)
    assert b"Shared with bob (bob) as editor." in said.content
    assert AccountShare.objects.get().role == "editor"
