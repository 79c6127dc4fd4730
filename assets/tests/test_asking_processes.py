"""Two real processes share the limit of calls and the breaker of a provider."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings

from assets.models import ProviderState
from assets.tests import fake_services as fakes
from assets.tests.fake_upstream import Answering, Reply, serving
from core.testing import PATIENCE

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
TIMES = 15


@pytest.fixture
def finnhub() -> Iterator[Answering]:
    with serving(fakes.finnhub()) as upstream:
        yield upstream


def ask_from_two_processes(environment: dict[str, str]) -> list[dict[str, int]]:
    """What each of them heard; they begin at the same moment."""
    command = [sys.executable, "-m", "assets.tests.asking_process", str(TIMES)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = [subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, text=True, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    assert [process.stdout.readline() for process in started] == ["ready\n"] * 2
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    return [ast.literal_eval(process.communicate(timeout=PATIENCE)[0]) for process in started]


def settings_of(finnhub: Answering, environment: dict[str, str], **others: str) -> dict[str, str]:
    own = {"PRICE_PROVIDERS": "finnhub", "FINNHUB_URL": finnhub.url, "FINNHUB_API_KEY": "key"}
    return environment | own | others


def test_together_they_keep_within_the_limit(finnhub: Answering, process_environment: dict[str, str]) -> None:
    limit = {"FINNHUB_CALLS_PER_MINUTE": "7", "FINNHUB_CALLS_PER_SECOND": "0"}
    heard = ask_from_two_processes(settings_of(finnhub, process_environment, **limit))
    assert len(finnhub.calls) == 7
    assert sum(outcome.get("finnhub", 0) for outcome in heard) == 7
    assert sum(outcome.get("nobody", 0) for outcome in heard) == 2 * TIMES - 7


def test_what_one_learns_the_other_knows(finnhub: Answering, process_environment: dict[str, str]) -> None:
    """The breaker opens at three failures in all; a call of the other may be under way then."""
    finnhub.always = Reply(b"", 500)
    breaker = {
        "PROVIDER_BREAKER_FAILURES": "3",
        "PROVIDER_BREAKER_WAIT": "3600",
        "FINNHUB_CALLS_PER_MINUTE": "0",
        "FINNHUB_CALLS_PER_SECOND": "0",
    }
    heard = ask_from_two_processes(settings_of(finnhub, process_environment, **breaker))
    assert 3 <= len(finnhub.calls) <= 4
    assert heard == [{"nobody": TIMES}] * 2
    state = ProviderState.objects.get(pk="finnhub")
    assert state.failures == state.errors == len(finnhub.calls)
    assert state.open_until is not None
