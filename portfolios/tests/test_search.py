"""The search of the header: securities for everybody, portfolios and accounts for those who see them."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from banking.models import Account
from core.testing import Page, count_queries
from portfolios.tests.factories import make_portfolio
from users.models import User

ISIN = "US0378331005"


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def listed(db: None) -> None:
    apple = make_asset("AAPL", name="Apple Inc.", isin=ISIN)
    make_bars(apple, [100, 101, "102.5"])
    make_asset("AAP", name="Advance Auto Parts Inc.")
    make_asset("PINE", name="Pineapple Energy Inc.")
    make_asset("APLE", name="Apple Hospitality REIT Inc.")
    make_asset("EURUSD", name="Euro in US dollars", type="fx", currency="USD")


def text_of(browser: Client, query: str, url: str = "/search/") -> str:
    answer = browser.get(f"{url}?{query}")
    assert answer.status_code == 200
    page = answer.content.decode()
    if url == "/search/":
        assert Page(page).faults == []
    return page


def found(page: str) -> list[str]:
    return re.findall(r'href="/assets/([^"]+)/"', page)


@pytest.mark.parametrize(
    ("query", "symbols"),
    [
        ("q=aapl", ["AAPL"]),
        ("q=AAP", ["AAP", "AAPL"]),  # itself first
        ("q=ap", ["APLE", "AAPL", "PINE"]),  # symbols that begin so, then names that do, then what has it within
        ("q=apple", ["AAPL", "APLE", "PINE"]),  # names that begin so first
        ("q=inc+apple+hosp", ["APLE"]),
        (f"q={ISIN}", ["AAPL"]),
        (f"q={ISIN.lower()}", ["AAPL"]),
        ("q=US03+7833+1005", ["AAPL"]),
        ("q=US0378331", []),  # a part of an ISIN is none
        ("q=euro", ["EURUSD"]),
        ("q=%25", []),
        ("q=_AP", []),
        ("q=%27%22%3Cb%3E", []),
        ("q=%ff", []),
        ("q=++", []),
        ("q=", []),
        ("", []),
        (f"q={'a' * 101}", []),
        ("q=" + "+".join("abcdefghijkl"), []),
        ("q=apple&page=99", ["AAPL", "APLE", "PINE"]),
        ("q=apple&page=x", ["AAPL", "APLE", "PINE"]),
    ],
)
@pytest.mark.usefixtures("listed")
def test_securities_by_symbol_name_and_isin(browser: Client, query: str, symbols: list[str]) -> None:
    assert found(text_of(browser, query)) == symbols
    assert found(text_of(browser, query.split("&", maxsplit=1)[0], "/search/list/")) == symbols


@pytest.mark.usefixtures("listed")
def test_a_row_has_its_last_close_and_the_field_keeps_the_text(browser: Client) -> None:
    page = text_of(browser, "q=aapl")
    assert "102.50" in page
    assert ISIN in page
    assert 'value="aapl"' in page.split("</header>")[0]


@pytest.mark.parametrize("url", ["/methods/", "/settings/", "/search/"])
def test_the_field_of_another_page_is_empty(browser: Client, url: str) -> None:
    page = browser.get(url).content.decode()
    assert re.findall(r'id="find-text" type="search" name="q" value="([^"]*)"', page) == [""]
    assert Page(page).faults == []


def test_pages_of_twenty(browser: Client, alice: User) -> None:
    for number in range(45):
        make_asset(f"S{number:02}", name="Some share")
    first, third = text_of(browser, "q=some"), text_of(browser, "q=some&page=3")
    assert found(first) == [f"S{number:02}" for number in range(20)]
    assert found(third) == [f"S{number:02}" for number in range(40, 45)]
    assert "1 to 20 of 45 securities" in first
    assert 'href="/search/?q=some&amp;page=2"' in first
    assert len(found(text_of(browser, "q=some", "/search/list/"))) == 8


def test_ones_own_by_name_and_nobody_elses(browser: Client, alice: User, bob: User) -> None:
    mine, theirs = make_portfolio(alice, "Growth mine"), make_portfolio(bob, "Growth theirs")
    account = Account.objects.create(owner=alice, name="growing cash", currency="EUR")
    Account.objects.create(owner=bob, name="growing fast", currency="EUR")
    for url in ("/search/", "/search/list/"):
        page = text_of(browser, "q=GROW", url)
        assert f'href="/?portfolio={mine.pk}">' in page
        assert f'href="/banking/accounts/{account.pk}/">' in page
        assert "theirs" not in page
        assert "growing fast" not in page
        assert f"portfolio={theirs.pk}" not in page


def test_nothing_found_leads_on(browser: Client, carol: User) -> None:
    page = text_of(browser, "q=nosuch")
    assert "No security is found for “nosuch”" in page
    assert "Ask who administers the server" in page
    assert "/admin/" not in page
    assert "Nothing is called “nosuch”" in text_of(browser, "q=nosuch", "/search/list/")
    assert text_of(browser, "q=", "/search/list/").strip() == ""
    User.objects.filter(pk=carol.pk).update(is_staff=True)
    staff = Client()
    staff.force_login(User.objects.get(pk=carol.pk))
    assert 'href="/admin/assets/asset/add/"' in text_of(staff, "q=nosuch")


def test_too_long_a_text_is_told(browser: Client) -> None:
    assert "filter-error" in text_of(browser, f"q={'a' * 200}")


@pytest.mark.parametrize("url", ["/search/", "/search/list/"])
def test_a_null_character_and_a_change_are_refused(browser: Client, url: str) -> None:
    assert browser.get(f"{url}?q=a%00b").status_code == 400
    assert browser.post(url, {"q": "a"}).status_code == 405


def test_names_are_escaped(browser: Client) -> None:
    make_asset("EVIL", name="<script>x</script>")
    for url in ("/search/", "/search/list/"):
        page = text_of(browser, "q=evil", url)
        assert found(page) == ["EVIL"]
        assert "<script>x" not in page
        assert "<script>y" not in text_of(browser, "q=%3Cscript%3Ey", url)


def test_strangers_find_nothing(client: Client) -> None:
    for url in ("/search/", "/search/list/"):
        assert client.get(f"{url}?q=a").status_code == 302
    assert client.get("/search/list/?q=a", headers={"hx-request": "true"})["HX-Redirect"] == "/login/"
    assert 'role="search"' not in client.get("/login/").content.decode()


@pytest.mark.parametrize(("url", "most"), [("/search/", 6), ("/search/list/", 5)])
def test_a_fixed_number_of_queries(browser: Client, alice: User, url: str, most: int) -> None:
    make_asset("S", name="Some share")

    def read() -> None:
        text_of(browser, "q=some", url)

    few, _ = count_queries(read)
    for number in range(30):
        make_bars(make_asset(f"S{number:02}", name="Some share"), [1, 2])
        make_portfolio(alice, f"Some {number}")
    many, texts = count_queries(read)
    assert many == few <= most, texts


def test_the_order_of_what_is_searched(listed: None) -> None:
    assert [asset.symbol for asset in Asset.objects.searched("app inc")] == ["AAPL", "APLE", "PINE"]
    assert not Asset.objects.searched("").exists()
