"""The administration: lists can be searched and filtered, lead to the site, and send no more queries for more rows.

Its first page tells how the server is doing.
"""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import DateField, ForeignKey
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from pytest_django import DjangoDbBlocker

from activity.admin import OnSite
from activity.models import AuditEvent, IdempotencyKey, Job, JobState
from activity.services import record
from analytics.models import RiskFlag
from analytics.services import recompute
from assets.models import Exchange, IngestionRun, ProviderState
from assets.services import breaker
from banking.models import Category, ImportBatch
from core.testing import Page, count_queries, make_user
from portfolio_site.health import note_heartbeat
from portfolio_site.testing import Broker
from portfolios.tests.factories import make_portfolio
from tests.world import grow, make_world
from users.models import Invitation, Organisation, TokenFamily, User

OURS = ("activity", "users", "assets", "banking", "portfolios", "analytics")
PAGES: dict[Any, Any] = {model: page for model, page in admin.site._registry.items() if model._meta.app_label in OURS}
NOWHERE_ON_SITE = {AuditEvent, IdempotencyKey, TokenFamily, Invitation, Exchange, IngestionRun}
by_model = pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)


def list_of(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def fields_shown(model: Any) -> list[Any]:
    known = {field.name: field for field in model._meta.fields}
    return [known[name] for name in PAGES[model].list_display if name in known]


@by_model
def test_every_list_can_be_searched_and_filtered(model: Any) -> None:
    page = PAGES[model]
    assert page.search_fields
    assert page.list_filter or not any(field.choices or field.is_relation for field in model._meta.fields)
    days = [field for field in fields_shown(model) if isinstance(field, DateField) and not field.null]
    assert page.date_hierarchy or not days, [field.name for field in days]


@by_model
def test_every_list_reads_what_its_rows_point_to_with_them(model: Any) -> None:
    pointed = {field.name for field in fields_shown(model) if isinstance(field, ForeignKey)}
    read = {path.split("__")[0] for path in PAGES[model].list_select_related or ()}
    assert pointed <= read


@by_model
def test_every_table_leads_to_the_site(model: Any) -> None:
    assert isinstance(PAGES[model], OnSite) != (model in NOWHERE_ON_SITE)


@pytest.fixture(scope="module")
def counted(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Any:
    """Status, queries and their texts of each list with few rows and with many, by its model; and rows' pages."""
    with django_db_blocker.unblock(), transaction.atomic():
        world = make_world(make_user("alice"))
        client = Client()
        client.force_login(world.staff)
        found: list[dict[Any, tuple[int, int, str]]] = []
        for first, last in ((0, 2), (2, 5)):
            grow(world, first, last)
            recompute([world.portfolio.pk])
            record(actor=world.owner, action="test", subject=world.portfolio)
            for model in PAGES if not found else ():
                client.get(list_of(model))  # what is read once per process is read now
            found.append({model: read_list(client, model) for model in PAGES})
        rows = {model: read_row(client, model) for model in PAGES}
        transaction.set_rollback(True)
    return *found, rows


def read_list(client: Client, model: Any) -> tuple[int, int, str]:
    answers: list[Any] = []
    queries, texts = count_queries(lambda: answers.append(client.get(list_of(model))))
    return answers[0].status_code, queries, texts


def read_row(client: Client, model: Any) -> int:
    row = model.objects.order_by("pk").first()
    if row is None:
        return 200
    url_name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return client.get(reverse(url_name, args=[row.pk])).status_code


@pytest.mark.django_db
@by_model
def test_lists_send_no_more_queries_for_more_rows(model: Any, counted: Any) -> None:
    few, many, rows = counted
    assert (few[model][0], many[model][0], rows[model]) == (200, 200, 200)
    assert many[model][1] <= few[model][1], many[model][2]


@pytest.fixture
def desk(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


def test_links_lead_to_ones_own_page_else_to_the_holders(desk: Client, alice: User, carol: User) -> None:
    mine, hers = make_portfolio(carol, "Mine"), make_portfolio(alice, "Hers")
    page = desk.get(reverse("admin:portfolios_portfolio_changelist")).content.decode()
    assert f'href="{reverse("dashboard")}?portfolio={mine.pk}"' in page
    assert f"?portfolio={hers.pk}" not in page
    assert f'href="{reverse("bank-person", args=[alice.pk])}"' in page
    alone = desk.get(reverse("admin:portfolios_portfolio_change", args=[mine.pk])).content.decode()
    assert f'href="{reverse("dashboard")}?portfolio={mine.pk}"' in alone


def test_staff_who_may_not_look_at_everybody_get_no_such_link(client: Client, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_portfolio"))
    make_portfolio(alice, "Hers")
    client.force_login(bob)
    page = client.get(reverse("admin:portfolios_portfolio_changelist")).content.decode()
    assert "Hers" in page
    assert "bank-admin" not in page


def test_pages_of_the_bank_are_linked_for_who_may_open_them(client: Client, alice: User, bob: User) -> None:
    now = timezone.now()
    seen = {"first_seen": now, "last_seen": now, "as_of": now.date(), "measure": 0.5, "limit": 0.25}
    flag = RiskFlag.objects.create(kind="concentration", portfolio=make_portfolio(alice), **seen)
    pages = {
        alice: reverse("bank-person", args=[alice.pk]),
        (firm := Organisation.objects.create(name="Firm")): reverse("bank-organisation", args=[firm.pk]),
        flag: reverse("bank-flags"),
    }
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    names = ("view_user", "view_organisation", "view_riskflag")
    bob.user_permissions.add(*Permission.objects.filter(codename__in=names))
    client.force_login(bob)

    def shown(row: Any) -> list[str]:
        options = row._meta
        alone = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])
        return [client.get(path).content.decode() for path in (list_of(row), alone)]

    for row, page in pages.items():
        assert [page in text for text in shown(row)] == [False, False], page
        assert client.get(page).status_code == 403
    bob.user_permissions.add(Permission.objects.get(codename="oversee_bank"))
    for row, page in pages.items():
        assert [f'href="{page}"' in text for text in shown(row)] == [True, True], page
        assert client.get(page).status_code == 200


def test_everybodys_category_is_everybodys_to_look_at(desk: Client) -> None:
    everybodys = Category.objects.create(name="Everything", section="expense")
    Category.objects.visible_to(User.objects.get(username="carol")).get(pk=everybodys.pk)
    page = desk.get(reverse("admin:banking_category_changelist")).content.decode()
    assert "Everything" in page
    assert f'href="{reverse("banking-category", args=[everybodys.pk])}"' in page


def test_what_somebody_did_leads_to_what_was_done_to(desk: Client, carol: User) -> None:
    portfolio = make_portfolio(carol)
    record(actor=carol, action="looked", subject=portfolio)
    AuditEvent.objects.create(action="odd", subject_type="no.such", subject_id="x'y")
    page = desk.get(reverse("admin:activity_auditevent_changelist")).content.decode()
    assert f'href="{reverse("admin:portfolios_portfolio_change", args=[portfolio.pk])}"' in page
    assert "x&#x27;y" in page


def test_first_page_is_well_made_and_counts(desk: Client, alice: User, broker: Broker) -> None:
    now = timezone.now()
    note_heartbeat(now)
    failed = {"kind": "import", "state": JobState.FAILED}
    Job.objects.create(owner=alice, finished_at=now, **failed)
    Job.objects.create(owner=alice, finished_at=now - timedelta(days=2), **failed)
    Job.objects.create(kind="report", state=JobState.QUEUED)
    ImportBatch.objects.create(owner=alice, file_name="bank.csv", state="failed")
    seen = {"first_seen": now, "last_seen": now, "as_of": now.date(), "measure": 0.5, "limit": 0.25}
    RiskFlag.objects.create(kind="concentration", portfolio=make_portfolio(alice), **seen)
    page = desk.get(reverse("admin:index"))
    text = page.content.decode()
    assert [fault for fault in Page(panels_of(text)).faults if "5555" not in fault] == []  # Flower's address is whole
    panels = {panel.key: {str(line.label): line for line in panel.lines} for panel in page.context["panels"]}
    assert list(panels) == ["server", "jobs", "prices", "files", "flags"]
    assert str(panels["server"]["Broker"].value) == "works"
    assert not panels["server"]["Beat and workers"].alarming
    failures = panels["jobs"]["Failed in 24 hours"]
    assert (failures.value, failures.alarming) == (1, True)
    assert panels["jobs"]["Waiting"].value == 1
    assert panels["files"]["Refused in 24 hours"].value == 1
    assert panels["flags"]["Much in one asset"].value == 1
    for panel in panels.values():
        for line in panel.values():
            if line.url:
                listed = desk.get(line.url)
                assert listed.status_code == 200, line.url  # a filter that the list refuses leads elsewhere
                if isinstance(line.value, int):
                    assert listed.context["cl"].result_count == line.value, line.url


def panels_of(text: str) -> str:
    return text[text.index('<section class="admin-panels"') : text.index("</section>") + len("</section>")]


def test_first_page_names_each_provider_and_its_wait(desk: Client) -> None:
    ProviderState.objects.create(
        name="simulated", failures=7, last_error="<no answer>", open_until=timezone.now() + timedelta(hours=1)
    )
    page = desk.get(reverse("admin:index"))
    text = page.content.decode()
    assert {standing.name for standing in page.context["standings"]} >= {"polygon", "simulated", "ecb"}
    assert "&lt;no answer&gt;" in text
    breaker.close("simulated")


def test_first_page_sends_as_many_queries_for_many_rows(
    desk: Client, alice: User, django_assert_num_queries: Any
) -> None:
    def read() -> int:
        return count_queries(lambda: desk.get(reverse("admin:index")))[0]

    read()
    few = read()
    Job.objects.bulk_create([Job(owner=alice, kind="import", state=JobState.QUEUED) for _ in range(30)])
    ImportBatch.objects.bulk_create([ImportBatch(owner=alice, file_name=f"{n}.csv") for n in range(30)])
    assert read() == few
    assert few <= 17


def test_first_page_without_a_broker(desk: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    page = desk.get(reverse("admin:index"))
    assert page.status_code == 200
    assert "cannot be reached" in page.content.decode()


def test_first_page_shows_only_what_one_may_look_at(client: Client, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    client.force_login(bob)
    page = client.get(reverse("admin:index"))
    assert (page.context["panels"], page.context["standings"], page.context["flower"]) == ([], [], "")
    assert "admin-panels" not in page.content.decode()
    bob.user_permissions.add(Permission.objects.get(codename="view_riskflag"))
    page = client.get(reverse("admin:index"))
    assert [panel.key for panel in page.context["panels"]] == ["flags"]
    assert "bank-admin" not in page.content.decode()


def test_flower_is_on_the_same_host_or_where_it_is_said_to_be(desk: Client, settings: Any) -> None:
    def link(host: str) -> Any:
        return desk.get(reverse("admin:index"), headers={"host": host}).context["flower"]

    settings.ALLOWED_HOSTS = ["*"]
    assert link("server.example:8000") == f"http://server.example:{settings.FLOWER_PORT}/"
    assert link("[::1]:8000") == f"http://[::1]:{settings.FLOWER_PORT}/"
    settings.FLOWER_URL = "https://flower.example/"
    page = desk.get(reverse("admin:index")).content.decode()
    assert 'href="https://flower.example/"' in page


def test_first_page_speaks_german(client: Client, carol: User) -> None:
    User.objects.filter(pk=carol.pk).update(locale="de")
    client.force_login(carol)
    with override(None):
        text = unescape(client.get(reverse("admin:index")).content.decode())
    assert "Fehlgeschlagen in 24 Stunden" in text
    assert "Kursanbieter" in text
