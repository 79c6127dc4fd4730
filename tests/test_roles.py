"""Every private URL with every method in every role: what an organisation owns, and what is shared of it.

What one may not see looks like what is not there; what one sees and may not change is a 403, and no row changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from banking.models import Account, AccountShare, Budget, Category, Counterparty, Possession, Rule, Tag
from core.testing import client_of, make_user
from portfolios.consumers import _totals
from portfolios.models import Portfolio, PortfolioShare
from tests.endpoints import Endpoint, endpoints
from tests.rows import every_row, writes
from tests.test_bad_input import VALID
from tests.world import SAVINGS, World, make_world
from users.models import Membership, Role, User

pytestmark = pytest.mark.django_db
BLIND, SEES, BOOKS, MANAGES = range(4)
ROLES = {
    "stranger": BLIND,
    "employee": BLIND,
    "viewer": SEES,
    "share viewer": SEES,
    "member": BOOKS,
    "share editor": BOOKS,
    "manager": MANAGES,
    "owner": MANAGES,
}
READERS = ("stranger", "employee", "viewer", "share viewer")  # the others go through the same door
PERSONAL = {"watchlist", "watchlist-detail", "watchlist-entry", "entry-list", "entry-detail", "job-detail"}
PERSONAL |= {"scenario-detail", "scenario-page", "recategorisation-undo", "banking-recategorisation-undo"}
PERSONAL |= {"import-page", "import-detail", "import-commit", "import-undo", "import-rows", "import-missing"}
PERSONAL |= {"import-columns", "import-errors", "report-file", "report-download"}
# What belongs to an organisation, and is not within what is shared.
OF_BOOKS = {"category-detail", "category-merge", "counterparty-detail", "counterparty-merge", "tag-detail", "tag-merge"}
OF_BOOKS |= {"possession-detail", "possession-dispose", "possession-keep", "valuation-list", "valuation-detail"}
OF_BOOKS |= {"rule-detail", "rule-move", "budget-detail", "banking-possession", "banking-category"}
OF_BOOKS |= {"banking-counterparty", "banking-tag", "banking-rule", "banking-rule-try-changes", "banking-rule-move"}
OF_BOOKS |= {"banking-rule-delete", "banking-rules-apply", "banking-budget", "banking-budget-delete"}
FIRMS = {
    "organisation",
    "organisation-expenses",
    "organisation-detail",
    "member-list",
    "member-detail",
    "invitation-list",
    "invitation-detail",
    "people",
}
# What takes more than the right to book.
SET_UP = {"portfolio-detail", "method-list", "method-preview", "method-detail", "method-restore", "method-page"}
SET_UP |= {"goal-list", "goal-detail", "goal-new", "goal-page", "goal-delete"}
SET_UP |= {"method-preview-part", "method-page-void", "method-page-restore", "portfolio-share-list"}
SET_UP |= {"portfolio-share-detail", "account-share-list", "account-share-detail", "portfolio-sharing"}
SET_UP |= {"account-sharing", "deposit-detail", "banking-deposit-cancel", "account-detail", "account-close"}
SET_UP |= {"account-reopen", "banking-account", "banking-account-edit", "possession-detail", "possession-dispose"}
SET_UP |= {"possession-keep", "banking-possession", "portfolio-settings"}
ASKED = {"tax-report-page", "statement-page", "income-page"}  # a POST has a worker make a file for whoever asks
WORKED_OUT = {"portfolio-stress", "portfolio-rebalance", "rebalancing-preview-part"}  # by a POST that stores nothing
FORMS = {"trade-new", "trade-edit", "trade-void-page", "trade-restore-page", "method-page", "rebalancing-book-page"}
FORMS |= {"banking-transaction-category", "banking-account-edit", "banking-rule", "banking-budget"}
FORMS |= {"banking-category", "banking-counterparty", "banking-tag", "portfolio-settings", "goal-new", "goal-page"}
OF_ONE_PORTFOLIO = {"trade-new", "trade-preview-part", "trade-lots-part", "method-page", "method-preview-part"}
OF_ONE_PORTFOLIO |= {"holdings", "transactions", "dashboard", "analytics-risk", "analytics-rebalancing"}
OF_ONE_PORTFOLIO |= {"rebalancing-preview-part", "analytics-optimiser", "portfolio-settings", "goal-new", *ASKED}
ACTIONS = {
    "people": "invite",
    "portfolio-sharing": "share",
    "account-sharing": "share",
    "analytics-rebalancing": "save",
    "banking-account": "close",
    "banking-possession": "dispose",
}
REFUSALS = {401, 403, 404, 405}
BODIES = VALID | {"patch member-detail": {"role": "viewer"}}  # in reach of managers, too
BODIES["post portfolio-rebalance"] = VALID["post portfolio-rebalance"] | {"save": False}


def walked() -> list[Endpoint]:
    """The API once, though it has two paths, and the pages; those of one portfolio with it in the query."""
    found = [each for each in endpoints() if not each.route.startswith("portfolios/")]
    private = [each for each in found if each.is_private and each.name not in PERSONAL]
    asked = [each for each in found if each.name in OF_ONE_PORTFOLIO]
    return private + [replace(each, route=f"{each.route}?portfolio=<portfolio>") for each in asked]


WALKED = walked()


class Stage:
    """The world, owned by an organisation now, and somebody in each role."""

    def __init__(self) -> None:
        self.world = make_world(make_user("alice"))
        self.firm = self.world.membership.organisation
        Portfolio.objects.filter(owner=self.world.owner).update(owner=None, organisation=self.firm)
        Account.objects.filter(owner=self.world.owner).update(owner=None, organisation=self.firm)
        for model in (Category, Counterparty, Tag, Possession, Rule, Budget):
            model._default_manager.filter(owner=self.world.owner).update(owner=None, organisation=self.firm)
        self.people = {role: make_user(role.replace(" ", "-")) for role in ROLES}
        for role in set(Role.values) & ROLES.keys():
            Membership.objects.create(organisation=self.firm, user=self.people[role], role=role)
        for role in ("viewer", "editor"):
            shared = {"user": self.people[f"share {role}"], "role": role}
            PortfolioShare.objects.create(portfolio=self.world.portfolio, **shared)
            for account in Account.objects.filter(organisation=self.firm):
                AccountShare.objects.create(account=account, **shared)
        self.browsers = {role: self._session(user) for role, user in self.people.items()}

    @staticmethod
    def _session(user: User) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    def send(self, role: str, endpoint: Endpoint, method: str, ids: dict[str, Any]) -> Any:
        client: Any = client_of(self.people[role]) if endpoint.is_api else self.browsers[role]
        body: Any = None
        if method != "get":
            valid = BODIES.get(f"{method} {endpoint.name}", {})
            body = valid if endpoint.is_api else {"action": ACTIONS.get(endpoint.name, "x"), "run": ""}
        path, _, query = endpoint.route.partition("?")
        url = replace(endpoint, route=path).url(ids) + (f"?portfolio={ids['portfolio']}" if query else "")
        return getattr(client, method)(url, body)


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Stage]:
    kept = override_settings(PRICE_PROVIDERS=["simulated"])
    with django_db_blocker.unblock(), kept, transaction.atomic():
        yield Stage()
        transaction.set_rollback(True)


def test_the_walk_covers_what_it_says() -> None:
    names = {each.name for each in WALKED}
    assert names >= SET_UP | WORKED_OUT | FORMS | OF_ONE_PORTFOLIO | FIRMS
    assert len(WALKED) > 80


@pytest.mark.parametrize("role", ROLES)
def test_what_each_role_may(role: str, stage: Stage) -> None:
    wrong = []
    for endpoint in WALKED:
        for method in endpoint.methods:
            if method == "get" and role not in READERS and endpoint.name not in FORMS | FIRMS:
                continue
            with transaction.atomic():
                wrong += [f"{method} {endpoint.route}: {each}" for each in faults(stage, role, endpoint, method)]
                transaction.set_rollback(True)
    assert not wrong, "\n".join(wrong)


def faults(stage: Stage, role: str, endpoint: Endpoint, method: str) -> Iterator[str]:
    wanted = expected(role, endpoint, method)
    before = every_row() if wanted in (403, 404) and method == "delete" else None
    with writes() as written:
        answer = stage.send(role, endpoint, method, stage.world.ids)
    status = answer.status_code
    if status >= 500:
        yield f"failed with {status}"
    if wanted in (403, 404):
        if status != wanted:
            yield f"{status} instead of {wanted}"
        if written and (before is None or every_row() != before):
            yield f"refused and written: {written[0][:200]}"
    elif status in REFUSALS:
        yield f"{status}: {answer.content[:200]!r}"
    if wanted == 403 and status == 403 and b"You may see this" not in answer.content and endpoint.name not in FIRMS:
        yield "does not say why"
    if wanted == 404:
        missing = stage.send(role, endpoint, method, stage.world.missing | {"portfolio": 987654321})
        if (missing.status_code, _without_urls(missing)) != (status, _without_urls(answer)):
            yield "differs from what is not there"


def expected(role: str, endpoint: Endpoint, method: str) -> int:
    """403, 404, or 200 for anything that is no refusal."""
    if endpoint.name in FIRMS:
        return _of_firm(role, endpoint, method)
    standing = ROLES[role]
    if endpoint.name in OF_BOOKS and role.startswith("share"):
        return 404
    if standing == BLIND:
        return 404
    reading = method == "get" and endpoint.name not in FORMS
    if reading or endpoint.name in WORKED_OUT | ASKED:
        return 200
    if endpoint.name in {"account-share-detail", "portfolio-share-detail"}:
        return _of_share(standing, method)
    return 200 if standing >= (MANAGES if endpoint.name in SET_UP else BOOKS) else 403


def _of_share(standing: int, method: str) -> int:
    """dora's share: only managers see it, and only they change shares at all."""
    if standing >= MANAGES:
        return 200
    return 404 if method == "delete" else 403


def _of_firm(role: str, endpoint: Endpoint, method: str) -> int:
    if role == "stranger" or role.startswith("share"):
        return 404
    if endpoint.name.startswith("member-detail") and role == "employee":
        return 404
    if endpoint.name in {"organisation", "organisation-expenses"}:
        least = "viewer" if endpoint.name == "organisation" else "manager"
        return 200 if Role(role).rank >= Role(least).rank else 404
    if endpoint.name == "organisation-detail" and method != "get":
        return 200 if role == "owner" else 403
    if method == "get" and not endpoint.name.startswith("invitation"):
        return 200
    return 200 if role in ("manager", "owner") else 403


def _without_urls(answer: Any) -> bytes:
    content: bytes = answer.content
    return b"" if b"csrfmiddlewaretoken" in content else content


def test_what_is_personal_stays_so(stage: Stage) -> None:
    """Colleagues and those with whom something is shared see neither watchlists nor scenarios nor jobs of alice's."""
    personal = [each for each in endpoints() if each.name in PERSONAL and each.is_private]
    assert {each.name for each in personal} >= {"job-detail", "scenario-detail", "watchlist-detail"}
    for role in ("owner", "share editor"):
        for endpoint in personal:
            for method in endpoint.methods:
                assert stage.send(role, endpoint, method, stage.world.ids).status_code == 404, endpoint.route


def test_what_they_see_in_lists(stage: Stage) -> None:
    for role, standing in ROLES.items():
        client = client_of(stage.people[role])
        seen = 0 if standing == BLIND else 1
        assert client.get("/portfolios/").json()["count"] == seen, role
        assert client.get("/api/banking/deposits/").json()["count"] == seen, role
        belongs = role in Role.values
        assert client.get("/api/organisations/").json()["count"] == int(belongs), role


def test_the_answer_says_what_the_caller_is_to_a_portfolio(stage: Stage) -> None:
    said = {}
    for role, standing in ROLES.items():
        if standing > BLIND:
            [row] = client_of(stage.people[role]).get("/portfolios/").json()["results"]
            said[role] = row["role"]
            assert row["organisation"] == stage.firm.pk
    assert said == {role: role.removeprefix("share ") for role in said}


def test_files_and_sockets_go_through_the_same_door(stage: Stage) -> None:
    pk = stage.world.portfolio.pk
    for role, standing in ROLES.items():
        answer = stage.browsers[role].get(f"/transactions/?portfolio={pk}&format=csv")
        assert answer.status_code == (404 if standing == BLIND else 200), role
        followed = _totals(stage.people[role], [pk])[0]
        assert bool(followed) is (standing > BLIND), role


def test_keeping_a_proposal_is_for_who_may_book(stage: Stage) -> None:
    url = f"/portfolios/{stage.world.portfolio.pk}/rebalance/"
    for role, standing in ROLES.items():
        with transaction.atomic():
            status = client_of(stage.people[role]).post(url, VALID["post portfolio-rebalance"]).status_code
            transaction.set_rollback(True)
        assert status == {BLIND: 404, SEES: 403, BOOKS: 201, MANAGES: 201}[standing], role


def test_opening_a_deposit_is_for_who_manages_the_account(stage: Stage) -> None:
    for role, standing in ROLES.items():
        with transaction.atomic():
            body = VALID["post deposit-list"] | {"returns_to": SAVINGS}
            status = client_of(stage.people[role]).post("/api/banking/deposits/", body).status_code
            transaction.set_rollback(True)
        assert status == {BLIND: 400, SEES: 403, BOOKS: 403, MANAGES: 201}[standing], role


def test_portfolios_of_an_organisation_are_made_by_its_managers(stage: Stage) -> None:
    for role in ROLES:
        with transaction.atomic():
            body = {"name": "New", "organisation": stage.firm.pk}
            answer = client_of(stage.people[role]).post("/portfolios/", body)
            transaction.set_rollback(True)
        wanted = 400 if role == "stranger" or role.startswith("share") else 403
        assert answer.status_code == (201 if role in ("manager", "owner") else wanted), role
        if answer.status_code == 201:
            assert (answer.json()["organisation"], answer.json()["role"]) == (stage.firm.pk, role)


def test_who_may_not_book_is_offered_nothing_to_book(stage: Stage) -> None:
    world: World = stage.world
    pages = (
        f"/?portfolio={world.portfolio.pk}",
        f"/transactions/?portfolio={world.portfolio.pk}",
        f"/transactions/{world.trade.pk}/",
        f"/analytics/rebalancing/?portfolio={world.portfolio.pk}",
        f"/analytics/rebalancing/{world.rebalancing.pk}/",
        f"/analytics/optimiser/?portfolio={world.portfolio.pk}",
        f"/portfolio/{world.portfolio.pk}/sharing/",
    )
    offers = (
        "/transactions/new/",
        "/edit/",
        "/void/",
        "/restore/",
        'value="save"',
        "/book/",
        "/discard/",
        'value="run"',
    )
    for url in pages:
        for role, offered in (("viewer", False), ("member", True)):
            html = stage.browsers[role].get(url).content.decode()
            found = [each for each in offers if each in html]
            assert bool(found) is (offered and "sharing" not in url), f"{role} {url}: {found}"
    sharing = [stage.browsers[role].get(pages[-1]).content for role in ("viewer", "manager")]
    assert [b'value="share"' in content for content in sharing] == [False, True]
