"""The pages of Analytics in German: none of the little words that every English sentence has is left."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from analytics.tests.candidates import invested
from portfolios.models import Portfolio
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
