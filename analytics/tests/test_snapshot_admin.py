"""The admin shows snapshots and sends portfolios to the workers; with a broker away it says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import current_app as app
from django.contrib.messages import get_messages
from django.test import Client
from kombu import pools

from activity.models import Job, JobState
from analytics import services, tasks
from analytics.models import Snapshot
from core.testing import PATIENCE
from portfolios.models import Portfolio
from portfolios.tests.factories import make_portfolio
from users.models import User

SNAPSHOTS, PORTFOLIOS = "/admin/analytics/snapshot/", "/admin/portfolios/portfolio/"


@pytest.fixture
def growth(alice: User) -> Portfolio:
    portfolio = make_portfolio(alice)
    services.recompute([portfolio.pk])
    return portfolio


@pytest.fixture
def office(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


def act(office: Client, page: str, action: str, pk: int) -> str:
    response = office.post(page, {"action": action, "_selected_action": [pk]})
    assert response.status_code == 302
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


@pytest.mark.django_db
def test_a_snapshot_is_listed_found_and_read_but_not_edited(office: Client, growth: Portfolio) -> None:
    snapshot = Snapshot.objects.get()
    page = f"{SNAPSHOTS}{snapshot.pk}/change/"

    assert growth.name in office.get(SNAPSHOTS, {"q": growth.name, "currency": "USD"}).content.decode()
    assert "sharpe_ratio" in office.get(page).content.decode()
    assert office.post(page, {"currency": "EUR"}).status_code == 403
    assert office.get(f"{SNAPSHOTS}add/").status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("page", "action"), [(SNAPSHOTS, "recompute"), (PORTFOLIOS, "recompute_portfolios")], ids=["snapshot", "portfolio"]
)
def test_the_action_queues_a_job_that_a_worker_finishes(
    office: Client, growth: Portfolio, page: str, action: str
) -> None:
    before = Snapshot.objects.get()
    app.control.purge()

    shown = act(office, page, action, before.pk if page == SNAPSHOTS else growth.pk)

    job = Job.objects.get()
    assert (job.kind, job.state, job.total) == ("recompute", JobState.RUNNING, 1)
    assert str(job.pk) in shown
    with app.connection_for_read() as connection:
        message = connection.SimpleQueue("celery").get(timeout=PATIENCE)
    assert message.headers["task"] == "analytics.recompute"
    tasks.recompute(*message.payload[0], **message.payload[1])
    job.refresh_from_db()
    assert (job.state, job.done) == (JobState.DONE, 1)
    assert Snapshot.objects.get().computed_at > before.computed_at


@pytest.fixture
def no_broker() -> Iterator[None]:
    """An address at which nothing listens, for as long as the test lasts."""
    given = app.conf.broker_url

    def use(url: str) -> None:
        app.conf.update(broker_url=url)
        pools.reset()
        app._pool = app.amqp._producer_pool = None  # type: ignore[attr-defined]  # made anew

    use("redis://127.0.0.1:9/0")
    yield
    use(given)


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_nothing_is_queued_and_the_job_says_so(
    office: Client, growth: Portfolio, no_broker: None
) -> None:
    shown = act(office, PORTFOLIOS, "recompute_portfolios", growth.pk)

    assert "cannot be reached" in shown
    assert Job.objects.get().state == JobState.FAILED
