"""python benchmarks/paint.py: when a person sees each main page, in Debian's Chromium.

Starts the server as `make run` does, with the demo, on a temporary folder and ports of its own; or visits the one that
runs already at ``URL``. ``CHROMIUM`` names another browser; where there is none, this says so and measures nothing.

The first visit of a page is made with an empty cache, the later ones with what that has left in it. The first byte is
counted from the request, the largest contentful paint from the start of the visit, as the browser reports them; what is
transferred is what came over the network until it was silent, headers too. The baseline, in the same run, is the page
on which one logs in to Django's own admin.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from browser.installation import installation
from browser.visits import CHROMIUM, Complaints, launch, log_in, open_context

FIRST_BYTE, PAINTED = 150, 1_000  # the goals: milliseconds
FIRST_VISIT, LATER = 450, 40  # kilobytes
PAGES = {
    "Dashboard": ("demo", "/"),
    "Holdings": ("demo", "/holdings/"),
    "one holding": ("demo", "/holdings/AAPL/"),
    "Transactions": ("demo", "/transactions/"),
    "Statement": ("demo", "/reports/statement/"),
    "Income": ("demo", "/reports/income/"),
    "Tax": ("demo", "/reports/tax/"),
    "Risk": ("demo", "/analytics/risk/"),
    "Return history": ("demo", "/analytics/history/"),
    "Value at risk": ("demo", "/analytics/var/"),
    "Factors": ("demo", "/analytics/factors/"),
    "Stress": ("demo", "/analytics/stress/"),
    "Correlation": ("demo", "/analytics/correlation/"),
    "Optimiser": ("demo", "/analytics/optimiser/"),
    "Banking, a year's net worth": ("demo", "/banking/"),
    "Net worth of all years": ("demo", "/banking/?span=all"),
    "Accounts": ("demo", "/banking/accounts/"),
    "Cash transactions": ("demo", "/banking/transactions/"),
    "Bank administration": ("admin", "/bank-admin/"),
    "Settings": ("demo", "/settings/"),
}
BASELINE = "Django's admin, logging in"
TIMES = """() => new Promise((resolve) => {
    const { requestStart, responseStart } = performance.getEntriesByType("navigation")[0];
    const answer = (painted) => resolve([responseStart - requestStart, painted]);
    new PerformanceObserver((list) => answer(list.getEntries().at(-1).startTime))
        .observe({ type: "largest-contentful-paint", buffered: true });
    setTimeout(() => answer(null), 5000);
})"""


class Visited(NamedTuple):
    """Milliseconds to the first byte and to the largest contentful paint, and bytes."""

    first_byte: float
    painted: float
    transferred: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="later visits of each page")
    parser.add_argument("only", nargs="*", help="paths of pages; all when none is named")
    options = parser.parse_args()
    if not Path(CHROMIUM).exists():
        print(f"Left out: {CHROMIUM} is missing (apt-get install chromium, or name one by CHROMIUM=).")
        return
    with server() as address, sync_playwright() as playwright:
        browser = launch(playwright)
        report(browser, address, options)
        browser.close()


@contextmanager
def server() -> Iterator[str]:
    """The address of a server with the demo; one of its own where ``URL`` names none."""
    if given := os.environ.get("URL"):
        yield given.rstrip("/")
        return
    with tempfile.TemporaryDirectory(prefix="paint-") as folder, installation(Path(folder)) as address:
        yield address


# --- visits -------------------------------------------------------------------------------------------------------


def cookies_of(browser: Browser, address: str, user: str) -> Any:
    """What a window needs to be logged in."""
    with open_context(browser, address, "desktop", "light", Complaints(address)) as context:
        log_in(context.new_page(), user)
        return context.cookies()


def visits(browser: Browser, address: str, cookies: Any, path: str, runs: int) -> list[Visited]:
    """The first visit, in a window whose cache is empty, then ``runs`` later ones."""
    complaints = Complaints(address)
    with open_context(browser, address, "desktop", "light", complaints) as context:
        context.add_cookies(cookies)
        page = context.new_page()
        wire = Wire(context.new_cdp_session(page))
        found = [visit(page, wire, path) for _ in range(1 + runs)]
    assert not complaints.take(), (path, complaints)
    return found


def visit(page: Page, wire: Wire, path: str) -> Visited:
    page.goto("about:blank")  # else it would be a reload
    wire.transferred = 0
    answer = page.goto(path, wait_until="networkidle")
    assert answer is not None, path
    assert answer.ok, (path, answer.status)
    assert page.url.endswith(path), (path, page.url)
    first_byte, painted = page.evaluate(TIMES)
    assert painted is not None, f"{path} painted nothing"
    return Visited(first_byte, painted, wire.transferred)


class Wire:
    """Counts what comes over the network, headers too; what the cache has is nothing."""

    def __init__(self, session: CDPSession) -> None:
        self.transferred = 0
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _finished(self, event: dict[str, Any]) -> None:
        self.transferred += int(event["encodedDataLength"])


# --- the report ---------------------------------------------------------------------------------------------------


def report(browser: Browser, address: str, options: argparse.Namespace) -> None:
    chosen = {name: page for name, page in PAGES.items() if not options.only or page[1] in options.only}
    cookies = {user: cookies_of(browser, address, user) for user in {user for user, _ in chosen.values()}}
    print(f"Chromium {browser.version}, load {os.getloadavg()[0]:.1f}\n")
    print("| | first byte | painted | painted, first visit | first visit | later |")
    print("| --- | --: | --: | --: | --: | --: |", flush=True)
    missed = 0
    for name, (user, path) in chosen.items():
        missed += line(name, visits(browser, address, cookies[user], path, options.runs))
    line(BASELINE, visits(browser, address, [], "/admin/login/", options.runs))
    goals = f"{FIRST_BYTE} ms, {PAINTED / 1000:g} s, {FIRST_VISIT} kB, {LATER} kB"
    print(f"\n{missed} of {len(chosen)} pages miss a goal ({goals}); load {os.getloadavg()[0]:.1f}")


def line(name: str, found: list[Visited]) -> bool:
    """Print a page's medians, what misses its goal in bold; whether anything does."""
    first, *later = found
    byte, painted, transferred = (median(each) for each in zip(*later, strict=True))
    cells = [
        marked(byte, FIRST_BYTE, "ms"),
        marked(painted, PAINTED, "ms"),
        marked(first.painted, PAINTED, "ms"),
        marked(first.transferred / 1000, FIRST_VISIT, "kB"),
        marked(transferred / 1000, LATER, "kB"),
    ]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return any("*" in cell for cell in cells)


def marked(value: float, goal: float, unit: str) -> str:
    text = f"{value:,.1f} {unit}" if unit == "kB" else f"{value:,.0f} {unit}"
    return text if value <= goal else f"**{text}**"


if __name__ == "__main__":
    main()
