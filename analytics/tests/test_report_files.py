"""Reports as PDF: what is drawn, at once or by a worker, kept for a week for who asked for it."""

from __future__ import annotations

import re
import zlib
from base64 import a85decode
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from activity.models import Job, JobState
from analytics.models import ReportFile, ReportKind
from analytics.reporting.fonts import printable
from analytics.reporting.ledger import Ledger, lay_out
from analytics.reporting.pdf import pdf
from analytics.reporting.periods import Period, choices, named
from analytics.reporting.sheet import Bars, Column, Line, Lines, Row, Sheet, Table, steps, ticks
from analytics.services import reports
from analytics.services.reports import (
    Asked,
    TooManyReports,
    forget_reports,
    request_report,
    run_report,
    waiting_reports,
)
from analytics.views.reports import earlier
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from core.testing import client_of
from portfolios.models import Portfolio
from portfolios.services.sharing import share_portfolio
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

TODAY = date(2024, 5, 15)
ALL = Period("own", date(2010, 1, 1), date(2024, 3, 31))


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    asset = make_asset("SAP", name="Süd & Söhne 日本 AG")
    make_bars(asset, {date(2024, 1, 2): 100, date(2024, 2, 1): 120, date(2024, 3, 1): 110})
    portfolio = make_portfolio(alice, "Vorsorge ≥ 2040 – €")
    buy(portfolio, asset, 10, 100, "2024-01-02")
    sell(portfolio, asset, 4, 120, "2024-02-01")
    return portfolio


def asked(portfolio: Portfolio, period: Period = ALL, kind: ReportKind = ReportKind.STATEMENT) -> Asked:
    return Asked(kind, portfolio, period, "en")


def pages(document: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", document))


def led_to(document: bytes) -> dict[str, int]:
    """Each entry of the outline, and the number of the page that it leads to."""
    kids = re.search(rb"/Kids \[([^\]]*)\]", document)
    assert kids
    order = re.findall(rb"(\d+) 0 R", kids[1])
    entries = re.findall(rb"/Dest \[ (\d+) 0 R /Fit \].*?/Title \((.*?)\)", document, re.DOTALL)
    return {title.decode("latin-1"): order.index(page) + 1 for page, title in entries}


def strokes(document: bytes) -> int:
    """How many lines its pages draw."""
    found = 0
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", document, re.DOTALL):
        try:
            found += zlib.decompress(a85decode(stream.strip().removesuffix(b"~>"))).count(b" l ")
        except (ValueError, zlib.error):
            continue
    return found


# --- periods ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "start", "end"),
    [
        ("last-month", "2024-04-01", "2024-04-30"),
        ("month", "2024-05-01", "2024-05-15"),
        ("last-quarter", "2024-01-01", "2024-03-31"),
        ("quarter", "2024-04-01", "2024-05-15"),
        ("last-year", "2023-01-01", "2023-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-Q4", "2023-10-01", "2023-12-31"),
        ("2022", "2022-01-01", "2022-12-31"),
        ("all", "2021-07-09", "2024-05-15"),
    ],
)
def test_the_days_of_a_period(key: str, start: str, end: str) -> None:
    found = named(key, date(2021, 7, 9), TODAY)
    assert found is not None
    assert (found.start.isoformat(), found.end.isoformat()) == (start, end)
    assert found.whole == (found.end < TODAY or key == "all")


@pytest.mark.parametrize(("over", "whole"), [(False, False), (True, True)])
def test_a_period_is_not_whole_on_its_last_day_while_that_goes_on(over: bool, whole: bool) -> None:
    last = date(2024, 6, 30)
    for key in ("month", "quarter", "2024-06", "2024-Q2"):
        found = named(key, date(2021, 7, 9), last, over=over)
        assert found is not None
        assert (found.end, found.whole) == (last, whole)
    assert [each.whole for each in choices("month", date(2024, 5, 1), last, 9, over=over)] == [whole, True]
    midst = named("year", date(2021, 7, 9), last, over=over)
    assert midst is not None
    assert not midst.whole


@pytest.mark.parametrize(
    "key", ["", "x", "2024-00", "2024-13", "2024-Q5", "2025", "2024-06", "0000", "9999", "1" * 400]
)
def test_what_is_no_period(key: str) -> None:
    assert named(key, TODAY, TODAY) is None


def test_only_periods_with_a_day_of_the_portfolio_are_offered() -> None:
    found = [period.key for period in choices("month", date(2024, 2, 20), TODAY, 36)]
    assert found == ["2024-05", "2024-04", "2024-03", "2024-02"]
    assert len(list(choices("year", date(1800, 1, 1), TODAY, 10))) == 10


# --- drawing ------------------------------------------------------------------------------------------------------


def drawn(rows: int, *, text: str = "Münchener Rück – €") -> Sheet:
    columns = [Column("What", words=True), Column("A long title of a figure"), Column("Amount")]
    table = Table("Transactions", columns, [Row([text, "1,234.50", f"{number}"]) for number in range(rows)])
    days = [date(2024, 1, day) for day in range(1, 31)]
    values = [float(day) for day in range(30)]
    levels = [(each, str(each)) for each in steps(values)]
    line = Lines(
        "Value", days, [Line("Portfolio", [*values[:-1], None])], [(d, str(d)) for d in ticks(days)], levels, "It rose."
    )
    bars = Bars("Income", ["Jan", "Feb"], [3.0, -1.0], [(each, str(each)) for each in steps([3.0, -1.0, 0.0])], "")
    return Sheet(
        "Statement",
        "Vorsorge",
        "Müller",
        [("Days", "January")],
        [line, bars, table],
        ["A note."],
        "foot",
        language="de",
    )


def test_the_same_sheet_is_the_same_file() -> None:
    document = pdf(drawn(100))
    assert document == pdf(drawn(100))
    assert document.startswith(b"%PDF-")
    for said in (b"/Lang", b"/Title", b"/Author", b"/DisplayDocTitle", b"/Outlines", b"DejaVuSansCondensed"):
        assert said in document
    assert pages(document) == 3
    assert strokes(document) > 100


def test_a_long_table_runs_over_pages_and_tells_of_each() -> None:
    told: list[int] = []
    assert pages(pdf(drawn(600), drawn=told.append)) == len(told) > 8


def test_an_entry_of_the_outline_leads_to_its_page() -> None:
    first = drawn(200)
    title = [Column("What", words=True)]
    tables = [Table("Second", title, [Row(["x"])] * 90, split=False), Table("Third", title, [Row(["y"])])]
    document = pdf(replace(first, sections=[*first.sections, *tables]))
    assert pages(document) > 5
    found = led_to(document)
    assert list(found) == ["Transactions", "Second", "Third"]
    assert 1 == found["Transactions"] < found["Second"] < found["Third"] == pages(document)


@pytest.mark.parametrize("text", ["日本株式会社", "\U0001f600", "x" * 5000, "a\x00b\u202e", "", "\n\n"])
def test_no_text_breaks_it(text: str) -> None:
    assert pages(pdf(drawn(3, text=text))) >= 1


def test_what_the_font_lacks_is_a_box() -> None:
    assert printable("Süd 日本 ≥ – € Ωж") == "Süd □□ ≥ – € Ωж"
    assert printable("a\nb\x00") == "a b "


def test_a_table_fills_its_width_and_no_figure_is_cut() -> None:
    wide = Table(
        "T", [Column("W", words=True), *([Column("F")] * 12)], [Row(["w " * 60, *(["−1,234,567.89 USD"] * 12)])]
    )
    layout = lay_out(wide, 500)
    assert layout.size < 8
    assert sum(layout.widths) == pytest.approx(500, rel=0.02)
    assert [len(cell) for cell in layout.rows[0][1:]] == [1] * 12
    assert 1 < len(layout.rows[0][0]) <= 6


def test_a_table_that_is_split_keeps_every_row() -> None:
    table = Table(
        "T", [Column("W", words=True)], [Row([str(number)], strong=number % 10 == 0) for number in range(200)]
    )
    left, seen = [Ledger(table, 700)], 0
    while left:
        [top, *left] = left[0].split(500, 300)
        assert top.first == seen
        assert top.wrap(500, 300)[1] <= 300
        seen = top.stop
    assert seen == 200


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [-3.0, 7.5], [1e12, 1.1e12], [0.001, 0.002]])
def test_the_levels_of_an_axis_hold_all_values(values: list[float]) -> None:
    found = steps(values)
    assert found[0] <= min(values)
    assert found[-1] >= max(values)
    assert 2 <= len(found) <= 8


# --- at once ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["statement/?period=2024-02", "income/?period=2024", "tax/?year=2024"])
def test_a_short_report_is_answered_at_once(client: Client, portfolio: Portfolio, alice: User, path: str) -> None:
    client.force_login(alice)
    answer = client.get(f"/reports/{path}&format=pdf")
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/pdf", "no-store")
    assert re.fullmatch(r'attachment; filename="[a-z0-9-]+\.pdf"', answer["Content-Disposition"])
    assert answer.content == client.get(f"/reports/{path}&format=pdf").content
    assert pages(answer.content) >= 1


# --- by a worker --------------------------------------------------------------------------------------------------


def test_a_long_report_is_offered_made_kept_and_forgotten(client: Client, portfolio: Portfolio, alice: User) -> None:
    client.force_login(alice)
    query = "?start=2010-01-01&end=2024-03-31"
    offered = client.get(f"/reports/statement/{query}&format=pdf")
    assert offered.status_code == 200
    assert "Have the PDF made" in offered.content.decode()
    answer = client.post(f"/reports/statement/{query}")
    found = ReportFile.objects.get()
    assert answer["Location"] == f"/reports/files/{found.pk}/?portfolio={portfolio.pk}"
    assert client.get(f"/reports/files/{found.pk}/download/").status_code == 404
    assert waiting_reports(timezone.now()) == [found.pk]

    run_report(found.pk, now=timezone.now())

    found.refresh_from_db()
    job = Job.objects.get(owner=alice)
    assert (found.state, job.state, job.result) == (JobState.DONE, JobState.DONE, {"report": found.pk})
    assert job.done == job.total > 0
    assert f"/reports/files/{found.pk}/download/" in client.get(answer["Location"]).content.decode()
    assert f"/reports/files/{found.pk}/" in client.get("/reports/").content.decode()
    made = client.get(f"/reports/files/{found.pk}/download/")
    assert (made["Content-Type"], len(made.content)) == ("application/pdf", found.size)
    run_report(found.pk, now=timezone.now())  # a doubled message
    assert forget_reports(timezone.now() + timedelta(days=6)) == 0
    assert forget_reports(timezone.now() + timedelta(days=8)) == 1
    assert client.get(f"/reports/files/{found.pk}/").status_code == 404


def test_only_who_asked_sees_it(client: Client, portfolio: Portfolio, alice: User, bob: User) -> None:
    share_portfolio(portfolio=portfolio, person="bob", role="viewer", actor=alice)
    found = request_report(asked=asked(portfolio), actor=alice)
    run_report(found.pk, now=timezone.now())
    client.force_login(bob)
    assert client.get(f"/reports/statement/?portfolio={portfolio.pk}&period=2024").status_code == 200
    for path in ("", "download/"):
        assert client.get(f"/reports/files/{found.pk}/{path}").status_code == 404
    assert client_of(bob).get(f"/api/jobs/{found.job_id}/").status_code == 404


def test_who_no_longer_sees_the_portfolio_gets_no_file(portfolio: Portfolio, alice: User, bob: User) -> None:
    share = share_portfolio(portfolio=portfolio, person="bob", role="viewer", actor=alice)
    found = request_report(asked=asked(portfolio), actor=bob)
    share.delete()
    run_report(found.pk, now=timezone.now())
    found.refresh_from_db()
    assert (found.state, found.content) == (JobState.FAILED, None)
    assert not ReportFile.objects.visible_to(bob).exists()


def test_what_cannot_be_made_says_why(portfolio: Portfolio, alice: User) -> None:
    early = replace(ALL, start=date(1990, 1, 1), end=date(1999, 1, 1))
    found = request_report(asked=asked(portfolio, early), actor=alice)
    run_report(found.pk, now=timezone.now())
    found.refresh_from_db()
    assert found.state == JobState.FAILED
    assert "The portfolio begins on 2024-01-02" in found.message


def test_the_same_report_is_made_once_and_not_too_many(portfolio: Portfolio, alice: User) -> None:
    first = request_report(asked=asked(portfolio), actor=alice)
    assert request_report(asked=asked(portfolio), actor=alice) == first
    for year in (2011, 2012):
        request_report(asked=asked(portfolio, replace(ALL, start=date(year, 1, 1))), actor=alice)
    with pytest.raises(TooManyReports):
        request_report(asked=asked(portfolio, replace(ALL, start=date(2013, 1, 1))), actor=alice)


def test_no_more_than_so_many_are_kept(portfolio: Portfolio, alice: User) -> None:
    for number in range(reports.MOST_KEPT + 2):
        found = request_report(asked=asked(portfolio, replace(ALL, start=date(1990 + number, 1, 1))), actor=alice)
        ReportFile.objects.filter(pk=found.pk).update(state=JobState.DONE)
    assert ReportFile.objects.count() == reports.MOST_KEPT
    assert ReportFile.objects.filter(pk=found.pk).exists()


def test_a_report_whose_worker_died_is_made_by_another(portfolio: Portfolio, alice: User) -> None:
    found, now = request_report(asked=asked(portfolio), actor=alice), timezone.now()
    ReportFile.objects.filter(pk=found.pk).update(
        state=JobState.RUNNING, fence=1, lease_until=now + timedelta(minutes=1)
    )
    run_report(found.pk, now=now)
    found.refresh_from_db()
    assert found.state == JobState.RUNNING
    run_report(found.pk, now=now + timedelta(minutes=2))
    found.refresh_from_db()
    assert (found.state, found.fence) == (JobState.DONE, 2)


def test_a_report_whose_worker_is_lost_again_and_again_ends(portfolio: Portfolio, alice: User) -> None:
    found, now = request_report(asked=asked(portfolio), actor=alice), timezone.now()
    lost = {"state": JobState.RUNNING, "fence": reports.MOST_ATTEMPTS, "lease_until": now - timedelta(minutes=1)}
    ReportFile.objects.filter(pk=found.pk).update(**lost)
    run_report(found.pk, now=now)
    found.refresh_from_db()
    assert (found.state, found.message) == (JobState.FAILED, reports.LOST)


def test_reports_begin_with_the_periods_of_which_anything_is_known(portfolio: Portfolio, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    page = client.get("/reports/").content.decode()
    for kind in ("statement", "income"):
        offered = re.findall(rf'/reports/{kind}/\?portfolio={portfolio.pk}&amp;period=([^"]+)"', page)
        assert offered == ["2024", "all"]  # no price, trade or cash is of this month, quarter or year

    Asset.objects.filter(symbol="SAP").update(exchange=None)  # its day is that of UTC
    make_bars(held := Asset.objects.get(symbol="SAP"), {timezone.now().date(): 130})
    buy(portfolio, held, 1, 130, timezone.now().date().isoformat())
    page = client.get("/reports/").content.decode()
    offered = re.findall(rf'/reports/statement/\?portfolio={portfolio.pk}&amp;period=([^"]+)"', page)
    recent = ["last-month", "month", "last-quarter", "quarter", "last-year", "year"]
    years = [str(year) for year in range(timezone.now().year - 2, 2023, -1)]
    assert offered == [*recent, *years, "all"]
    for key in (*years, "all"):
        assert client.get(f"/reports/statement/?portfolio={portfolio.pk}&period={key}").status_code == 200


def test_a_day_before_the_first_booking_has_no_earlier_periods() -> None:
    assert earlier(date(2024, 3, 1), date(2024, 2, 29), None) == []
    assert len(earlier(date(2024, 3, 1), date(2024, 3, 1), None)) == 1
