"""Long work found again: the list of jobs, the way to what came of each, and the mark in the header."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from activity.models import Job
from activity.services import advance_job, finish_job, start_job
from analytics.models import OptimisationRun, ReportKind
from analytics.optimiser import Terms
from analytics.reporting.periods import Period
from analytics.services.reports import Asked, request_report
from analytics.views.jobs import KINDS
from assets.models import Backfill
from assets.tests.factories import make_asset
from banking.models import ImportBatch
from core.testing import Page, count_queries
from portfolios.services.sharing import share_portfolio
from portfolios.tests.factories import make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db


def text_of(client: Client, query: str = "", status: int = 200) -> str:
    answer = client.get(f"/jobs/{query}")
    assert answer.status_code == status
    text = answer.content.decode()
    assert Page(text).faults == []
    return text


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def make_run(owner: User) -> OptimisationRun:
    job = start_job(owner=owner, kind="optimisation", total=0)
    portfolio = make_portfolio(owner)
    terms = Terms().to_json()
    return OptimisationRun.objects.create(portfolio=portfolio, asked_by=owner, job=job, objective="hrp", terms=terms)


def make_import(owner: User) -> ImportBatch:
    job = start_job(owner=owner, kind="import", total=1)
    return ImportBatch.objects.create(owner=owner, file_name="bank.csv", job=job)


def test_an_empty_list_leads_on(browser: Client) -> None:
    text = text_of(browser)
    assert "You have not asked for anything that takes long yet" in text
    assert 'href="/imports/"' in text


def test_each_job_leads_to_its_page(browser: Client, alice: User) -> None:
    batch = ImportBatch.objects.create(owner=alice, file_name="bank <1>.csv", state="committing")
    checked, batch.job = start_job(owner=alice, kind="import", total=10), start_job(owner=alice, kind="import", total=4)
    batch.save()
    finish_job(checked.pk, result={"import": batch.pk, "state": "ready"})
    advance_job(batch.job.pk, 1)
    run = make_run(alice)
    text = text_of(browser)
    assert text.count(f'href="/imports/{batch.pk}/">Import: bank &lt;1&gt;.csv') == 2
    assert "25 % are done" in text
    assert f'href="/analytics/optimiser/{run.pk}/">Optimisation: {run.portfolio.name}' in text
    assert 'hx-trigger="every 3s"' in text
    finish_job(batch.job.pk, error="Line 3: no such account")
    assert run.job
    finish_job(run.job.pk, result={})
    text = text_of(browser)
    assert "Line 3: no such account" in text
    assert "every 3s" not in text


def test_htmx_gets_the_list_alone(browser: Client, alice: User) -> None:
    start_job(owner=alice, kind="import", total=3)
    part = browser.get("/jobs/", headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert '<section class="card" id="jobs"' in part


def test_everybody_sees_their_own_and_staff_the_servers(client: Client, alice: User, bob: User, carol: User) -> None:
    make_run(alice)
    asset = make_asset("AAPL")
    servers = start_job(owner=None, kind="backfill", total=5)
    Backfill.objects.create(asset=asset, job=servers, start=date(2024, 1, 2), end=date(2024, 2, 2))
    client.force_login(bob)
    assert "You have not asked" in text_of(client)
    assert "AAPL" not in text_of(client, "?whose=server")
    client.force_login(carol)
    assert "You have not asked" in text_of(client)  # what others do is theirs
    text = text_of(client, "?whose=server")
    assert f'href="{reverse("admin:assets_asset_change", args=[asset.pk])}">Price history: AAPL' in text
    assert "Optimisation" not in text


def test_what_is_gone_or_out_of_reach_is_named_without_a_link(browser: Client, alice: User, bob: User) -> None:
    start_job(owner=alice, kind="import", total=3)  # its file was deleted
    theirs = ImportBatch.objects.create(owner=bob, file_name="secret.csv")
    other = start_job(owner=alice, kind="import", total=3)
    Job.objects.filter(pk=other.pk).update(result={"import": theirs.pk})
    start_job(owner=alice, kind="backfill", total=3)
    start_job(owner=alice, kind="never heard of", total=0)
    text = text_of(browser)
    assert "Never heard of" in text
    assert "secret.csv" not in text
    assert "/imports/" not in text.split("<tbody")[1].split("</tbody")[0]


def test_every_kind_that_is_started_has_a_name_here() -> None:
    """Read from the code: whatever is given to ``start_job`` as its kind."""
    started = set()
    for app in ("activity", "analytics", "assets", "banking", "portfolios", "users", "portfolio_site"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            if "tests" not in path.parts:
                started |= set(kinds_in(path))
    assert {"report", "import", "optimisation", "recompute", "backfill", "bank report"} <= started
    assert started <= set(KINDS)
    for kind in KINDS.values():
        assert str(kind.name)


def kinds_in(path: Path) -> Iterator[str]:
    """The kinds of the jobs that one file starts: written there, or a name of that module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "start_job":
            [given] = [keyword.value for keyword in node.keywords if keyword.arg == "kind"]
            module = import_module(".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts))
            yield ast.literal_eval(given) if isinstance(given, ast.Constant) else getattr(module, ast.unparse(given))


def test_the_job_of_a_report_leads_to_its_file(client: Client, alice: User, bob: User) -> None:
    portfolio = make_portfolio(alice, "Vorsorge <1>")
    share = share_portfolio(portfolio=portfolio, person="bob", role="viewer", actor=alice)
    period = Period("own", date(2010, 1, 1), date(2024, 3, 31))
    found = request_report(asked=Asked(ReportKind.INCOME, portfolio, period, "en"), actor=bob)
    client.force_login(bob)
    link = f'href="/reports/files/{found.pk}/">Report: Income, Vorsorge &lt;1&gt;, 1 January 2010 – 31 March 2024'
    assert link in text_of(client)
    share.delete()
    text = text_of(client)
    assert "Report" in text.split("<tbody")[1]
    assert "Vorsorge" not in text.split("<tbody")[1]
    assert f"/reports/files/{found.pk}/" not in text


def test_the_header_asks_once_and_shows_only_what_is_under_way(browser: Client, alice: User, bob: User) -> None:
    start_job(owner=bob, kind="import", total=3)
    assert 'hx-get="/jobs/under-way/" hx-trigger="load' in text_of(browser)
    part = browser.get("/jobs/under-way/").content.decode()
    assert part.strip().endswith('<span id="jobs-now"></span>')
    start_job(owner=alice, kind="import", total=3)
    part = browser.get("/jobs/under-way/").content.decode()
    assert "1 piece of work under way" in part
    assert 'hx-trigger="every 10s"' in part


def test_a_fixed_number_of_queries(browser: Client, alice: User) -> None:
    for _ in range(2):
        make_run(alice)
        make_import(alice)
    few, _ = count_queries(lambda: text_of(browser))
    for _ in range(40):
        make_import(alice)
    make_run(alice)
    many, texts = count_queries(lambda: text_of(browser, "?page=1"))
    assert many == few, texts
    assert "31 to 45 of 45 pieces of work" in text_of(browser, "?page=2")
