"""The pages of Analytics in German: none of the little words that every English sentence has is left."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from analytics.engine.recording import OPERATIONS as VOCABULARY
from analytics.queries.explain import FIGURES
from analytics.tests.candidates import invested
from analytics.texts.brought import WINDOWS
from analytics.texts.steps import OPERATIONS
from analytics.wording import input_worded, worded
from assets.models import Asset
from portfolios.models import Portfolio
from portfolios.tests.factories import sell
from users.models import User

pytestmark = pytest.mark.django_db
ENGLISH = re.compile(
    r"\b(?:the|of|is|are|and|with|from|not|by|what|which|each|return|value|weight|figure)\b", re.IGNORECASE
)
# Names that are the same in German, and what stands in the pages that others write.
KEPT = re.compile(r"Value-at-Risk|Return Co\.|value_\w+|\w+_return")
SILENT = re.compile(r"<(script|style|footer)\b.*?</\1>|<!--.*?-->", re.DOTALL)
SPOKEN = re.compile(r"\b(?:aria-label|title|placeholder|data-label)=\"([^\"]*)\"")
SECTIONS = ("risk", "history", "var", "factors", "stress", "correlation", "optimiser", "rebalancing")


def english(html: str) -> list[str]:
    """The pieces of a page's main part that a reader of German would stumble over."""
    main = SILENT.sub(" ", html.partition("<main")[2].partition(">")[2].partition("</main")[0])
    pieces = [*SPOKEN.findall(main), *re.split(r"<[^>]*>", main)]
    return [" ".join(piece.split()) for piece in pieces if ENGLISH.search(KEPT.sub(" ", piece))]


@pytest.fixture
def reader(alice: User) -> Client:
    alice.locale = "de"
    alice.save()
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def growth(alice: User) -> Portfolio:
    return invested(alice)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_page_is_german(reader: Client, growth: Portfolio, section: str) -> None:
    answer = reader.get(f"/analytics/{section}/", {"portfolio": growth.pk})
    assert answer.status_code == 200
    assert english(answer.content.decode()) == []


@pytest.mark.parametrize(
    "address",
    [
        "/holdings/{symbol}/?portfolio={key}",
        "/reports/?portfolio={key}",
        "/reports/tax/?portfolio={key}",
        "/settings/portfolio/?portfolio={key}",
        "/jobs/",
    ],
)
def test_what_leads_on_is_german(reader: Client, growth: Portfolio, address: str) -> None:
    symbol = growth.investments.values_list("asset__symbol", flat=True)[0]
    answer = reader.get(address.format(key=growth.pk, symbol=symbol))
    assert answer.status_code == 200
    assert english(answer.content.decode()) == []


@pytest.mark.parametrize(
    "figure",
    ["total_value", "invested", "sharpe_ratio", "max_drawdown", "ex_ante_value_at_risk", "stress_benchmark&move=-0.2"],
)
def test_an_explanation_is_german(reader: Client, growth: Portfolio, figure: str) -> None:
    """Its steps and inputs; the formula is that of the methods."""
    name, _, more = figure.partition("&")
    answer = reader.get(f"/explain/{name}/?portfolio={growth.pk}&{more}")
    assert answer.status_code == 200
    head, found, steps = answer.content.decode().partition('aria-labelledby="steps-title"')
    assert english(f"<main><section {found}{steps}") == []
    assert english(head.partition("<section")[0] + "</main>") == []


def test_months_and_the_period_of_all_time_are_german(reader: Client, growth: Portfolio) -> None:
    apple = Asset.objects.get(symbol="AAPL")
    sell(growth, apple, 5, 110, date(2024, 3, 5))
    months = reader.get(f"/reports/tax/?portfolio={growth.pk}").content.decode().split('class="months"')[1]
    assert all(f'class="month">{name}<' in months for name in ("Jan", "Mär", "Mai", "Okt", "Dez"))
    page = reader.get(f"/reports/statement/?portfolio={growth.pk}&period=all").content.decode()
    assert "Vermögensaufstellung seit Beginn, bis " in page
    assert re.search(r'<span class="below">[+−][\d,]+\s%\sim Jahr</span>', page)


def test_what_the_product_brings_along_is_german() -> None:
    fixtures = settings.BASE_DIR / "fixtures"
    windows = json.loads((fixtures / "stress_windows.json").read_text(encoding="utf-8"))
    assert set(WINDOWS) == {window[field] for window in windows for field in ("name", "description")}
    factors = json.loads((fixtures / "factors.json").read_text(encoding="utf-8"))
    told = [each["description"] for each in factors] + [each["name"] for each in factors]
    with translation.override("de"):
        assert all(worded(text) != text for text in (*WINDOWS, *told))


def test_every_operation_and_every_figure_has_its_words() -> None:
    assert {name.replace("_", " ") for name in VOCABULARY} <= set(OPERATIONS)
    with translation.override("de"):
        assert {each.label for each in FIGURES.values() if worded(each.label) == each.label} <= {"Beta"}
        assert input_worded("JPM, lot of 2013-05-21: cost") == "JPM, Tranche vom 21.05.2013: Einstand"
        assert input_worded("JPM, transfer in of 2013-05-21: fee") == "JPM, Einlieferung vom 21.05.2013: Gebühr"
        assert worded("line 3 of 4: nothing") == "line 3 of 4: nothing"
    assert input_worded("JPM, lot of 2013-05-21: cost") == "JPM, lot of 2013-05-21: cost"
