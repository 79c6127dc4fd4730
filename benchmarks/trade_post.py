"""python benchmarks/trade_post.py: what it costs to enter one trade into a portfolio of 10,000.

The portfolio of performance.py, in a database of its own. Each run is a POST through the whole stack of the server
(parser, permissions, service, re-fold of the asset's book, derived rows, audit line) without the network. The
baseline, in the same run, is the naive way to the same books: all trades folded again and all rows written anew.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from performance import ASSETS, build, median
from recompute import clock, prepare_django


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trade-post-") as folder:
        prepare_django(Path(folder))
        with clock(f"building a portfolio of {options.trades} trades in {ASSETS} assets"):
            portfolio = build(options.trades)
        report(portfolio, options.runs)


def report(portfolio: Any, runs: int) -> None:
    from portfolios.services.rebuild import rebuild

    today, first = "2023-12-01T15:00:00Z", "2014-01-02T15:00:00Z"
    kinds = {
        "a trade of today": [post(portfolio, today, run) for run in range(runs)],
        "a trade of the first day": [post(portfolio, first, run) for run in range(runs)],
        "the preview of a trade of today": [post(portfolio, today, run, "preview/") for run in range(runs)],
        "the preview of a trade of the first day": [post(portfolio, first, run, "preview/") for run in range(runs)],
    }
    print()
    for name, measured in kinds.items():
        seconds, queries = zip(*measured, strict=True)
        print(f"{name:45} {statistics.median(seconds) * 1000:9.1f} ms {min(queries)} to {max(queries)} queries")
    print(f"{'the whole portfolio folded and written anew':45} {median(lambda: rebuild(portfolio), 3) * 1000:9.1f} ms")


def post(portfolio: Any, traded_at: str, run: int, part: str = "") -> tuple[float, int]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import APIClient

    client = APIClient(headers={"host": "127.0.0.1"})
    client.force_authenticate(portfolio.owner)
    body = {"kind": "buy", "asset": f"A{run % ASSETS:03d}", "quantity": "1", "price": "10", "traded_at": traded_at}
    url = f"/portfolios/{portfolio.pk}/trades/{part}"
    with CaptureQueriesContext(connection) as queries:
        client.post(url, body | {"external_id": f"c{part}{traded_at}{run}"}, format="json")
    count = len(queries)
    started = time.perf_counter()
    answer = client.post(url, body, format="json")
    taken = time.perf_counter() - started
    assert answer.status_code == (200 if part else 201), answer.content
    return taken, count


if __name__ == "__main__":
    main()
