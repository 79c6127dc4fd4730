"""python benchmarks/pages.py: what each page of the demo costs the server, and what a browser loads of it.

Loads the demo into a temporary folder, with a broker of its own, and computes what workers would have computed. Each
reading is a GET through the whole stack without the network. "After a price" is the first visit after a close of a held
asset changed, so that nothing computed before serves; "later" are the visits after it. The baseline, in the same run,
are two lists of Django's own admin. Weights are those of the answers as they are sent: compressed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
from recompute import clock, prepare_django

GOAL = 150  # milliseconds to the first byte
FIRST_VISIT, LATER = 450, 40  # kilobytes
PRIVATE = (
    "/",
    "/holdings/",
    "/holdings/AAPL/",
    "/assets/AAPL/",
    "/watchlist/",
    "/search/?q=a",
    "/transactions/",
    "/transactions/new/",
    "/imports/",
    "/reports/",
    "/reports/statement/",
    "/reports/income/",
    "/reports/tax/",
    "/analytics/risk/",
    "/analytics/var/",
    "/analytics/factors/",
    "/analytics/stress/",
    "/analytics/correlation/",
    "/analytics/history/",
    "/analytics/optimiser/",
    "/analytics/rebalancing/",
    "/banking/",
    "/banking/accounts/",
    "/banking/transactions/",
    "/banking/transfers/",
    "/banking/transfers/new/",
    "/banking/schedules/",
    "/banking/recurring/",
    "/banking/budgets/",
    "/banking/rules/",
    "/banking/categories/",
    "/banking/counterparties/",
    "/banking/deposits/",
    "/banking/possessions/",
    "/settings/",
    "/settings/display/",
    "/settings/portfolio/",
    "/settings/security/",
    "/jobs/",
    "/methods/",
)
MANAGERS = ("/organisation/1/",)
STAFFS = ("/bank-admin/", "/bank-admin/flags/", "/bank-admin/people/1/", "/market/prices/", "/market/providers/")
BASELINE = ("/admin/banking/cashtransaction/", "/admin/assets/asset/")
LOADED = re.compile(r'<(?:script|link)[^>]* (?:src|href)="(/static/[^"]+)"')


class Measured(NamedTuple):
    """One page: milliseconds, queries of a later visit, and bytes; ``files`` are the static files that it names."""

    first: float
    wall: float
    processor: float
    queries: int
    plain: int
    sent: int
    files: frozenset[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="later visits of each page")
    parser.add_argument("--changes", type=int, default=3, help="changes of a price, each with a visit of each page")
    parser.add_argument("only", nargs="*", help="pages; all when none is named")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pages-") as folder:
        configure()
        prepare_django(Path(folder))
        with broker():
            with clock("loading the demo"):
                load()
            report(options)


def configure() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from portfolio_site.testing import free_port

    for name in ("REDIS_URL", "DATABASE_URL"):  # a broker and a database of its own, never those that others use
        os.environ.pop(name, None)
    os.environ |= {"DEMO": "1", "ALLOWED_HOSTS": "testserver", "BROKER_PORT": str(free_port())}


@contextmanager
def broker() -> Iterator[None]:
    """The one that `manage.py run` starts: what is computed on request is kept in it."""
    from portfolio_site.supervisor import children
    from portfolio_site.testing import wait_until

    spec = children.broker()
    process = subprocess.Popen(list(spec.command), stdout=subprocess.DEVNULL)
    try:
        wait_until(spec.ready, 20, "the broker answers")
        yield
    finally:
        process.kill()
        process.wait(10)


def load() -> None:
    """The demo, and what the nightly work makes of it."""
    from django.utils import timezone

    from analytics.services import recompute
    from analytics.services.bank import compute_report
    from portfolio_site import demo
    from portfolios.models import Portfolio

    demo.load(lambda _: None)
    recompute(list(Portfolio.objects.values_list("pk", flat=True)))
    compute_report(timezone.now())


def change_price(number: int) -> None:
    """Another close of a held asset on its newest day, as a provider's correction stores it; snapshots follow."""
    from analytics.services import recompute
    from assets.models import HistoricValue
    from assets.providers.base import Bar
    from assets.services.history import store_bars
    from portfolios.models import Portfolio

    newest = HistoricValue.objects.filter(asset__symbol="AAPL").order_by("-day")[0]
    changed = Bar("AAPL", newest.day, newest.close + Decimal(number) / 100)
    store_bars([(newest.asset_id, changed)], source="benchmark")
    recompute(list(Portfolio.objects.values_list("pk", flat=True)))


# --- the report ---------------------------------------------------------------------------------------------------


def report(options: argparse.Namespace) -> None:
    pages = {(reader, path) for reader, path in readers() if not options.only or path in options.only}
    ordered = [page for page in readers() if page in pages]
    firsts = [first_visits(ordered, number) for number in range(options.changes)]
    print("\n| | after a price | later | of it processor | queries | HTML | sent |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    found = []
    for place, (reader, path) in enumerate(ordered):
        measured = measure(reader, path, median(each[place] for each in firsts), options.runs)
        line(path, measured)
        found += [] if path in BASELINE else [measured]
    weights(found)


def readers() -> list[tuple[str, str]]:
    private = [("demo", path) for path in PRIVATE] + [("manager", path) for path in MANAGERS]
    return private + [("admin", path) for path in (*STAFFS, *BASELINE)]


def client_of(name: str) -> Any:
    from django.test import Client

    from users.models import User

    client = Client(headers={"accept-encoding": "gzip, deflate, br"})
    client.force_login(User.objects.get(username=name), backend="django.contrib.auth.backends.ModelBackend")
    return client


def first_visits(pages: list[tuple[str, str]], number: int) -> list[float]:
    """Milliseconds of each page's first visit after a price of its own has changed."""
    clients = {reader: client_of(reader) for reader, _ in pages}
    taken = []
    for place, (reader, path) in enumerate(pages):
        change_price(1 + number * len(pages) + place)
        clients[reader].get("/settings/")  # somebody who is there already: not the first connection either
        taken.append(timed(lambda reader=reader, path=path: clients[reader].get(path))[0])  # type: ignore[misc]
    return taken


def measure(reader: str, path: str, first: float, runs: int) -> Measured:
    from core.testing import count_queries

    client = client_of(reader)
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    taken = [timed(lambda: client.get(path)) for _ in range(runs)]
    queries, _ = count_queries(lambda: client.get(path))
    plain = client.get(path, headers={"accept-encoding": "identity"}).content
    wall, processor = (median(times) for times in zip(*taken, strict=True))
    files = frozenset(LOADED.findall(plain.decode()))
    return Measured(first, wall, processor, queries, len(plain), len(answer.content), files)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - processor) * 1000


def line(path: str, found: Measured) -> None:
    times = " | ".join(f"{value:,.0f} ms" for value in (found.first, found.wall, found.processor))
    sizes = " | ".join(f"{size / 1000:,.1f} kB" for size in (found.plain, found.sent))
    late = "" if found.wall <= GOAL else " (over the goal)"
    print(f"| `{path}`{late} | {times} | {found.queries} | {sizes} |", flush=True)


def weights(found: list[Measured]) -> None:
    """The heaviest first visit (a page and each file that it names) and the heaviest later one (the page alone)."""
    client = client_of("demo")
    names = sorted(frozenset().union(*(each.files for each in found)))
    sizes = {name: len(b"".join(client.get(name).streaming_content)) for name in names}
    print("\n| file | sent |\n| --- | --: |")
    for name, size in sizes.items():
        print(f"| `{name}` | {size / 1000:,.1f} kB |")
    first = max(each.sent + sum(sizes[name] for name in each.files) for each in found) / 1000
    later = max(each.sent for each in found) / 1000
    print(f"| heaviest first visit (goal {FIRST_VISIT} kB) | {first:,.1f} kB |")
    print(f"| heaviest later visit (goal {LATER} kB) | {later:,.1f} kB |")


if __name__ == "__main__":
    main()
