"""The page of methods in both languages: the same sections, anchors, formulas and numbers, in the reader's words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

import pytest
from django.conf import LazySettings, settings
from django.test import Client
from django.utils import translation

from analytics.definitions import METHODS
from analytics.queries.explain import FIGURES
from analytics.queries.methods import formula, row_of
from analytics.tests.test_german_pages import english
from core.testing import make_user
from users.models import User

pytestmark = pytest.mark.django_db
HEADING = re.compile(r'<h(?P<level>\d) id="(?P<anchor>[\w-]+)">(?P<words>.*?)</h\1>', re.DOTALL)
CODE = re.compile(r"(?<!<pre>)<code>(.*?)</code>", re.DOTALL)
PIECES = {"tags": re.compile(r"<(\w+)"), "links": re.compile(r'href="([^"]+)"'), "code": CODE}
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[.,]\d{3})+")
TITLES = re.compile(r"<em>.*?</em>|„[^“]*“|<code>.*?</code>", re.DOTALL)  # works are named as they are called
LINKED = re.compile(r"""(?:url 'methods' %\}|\{\{ methods \}\})#([\w-]+)|_how\.html" with anchor="([\w-]+)\"""")


class Section(NamedTuple):
    """What stands below one heading, up to the next one."""

    level: str
    anchor: str
    words: str
    html: str


def page(locale: str) -> str:
    """/methods/ as somebody with that locale sees it."""
    user = make_user(locale.replace("-", ""))
    User.objects.filter(pk=user.pk).update(locale=locale)
    client = Client()
    client.force_login(user)
    answer = client.get("/methods/")
    assert answer.status_code == 200
    return answer.content.decode()


def sections(html: str) -> list[Section]:
    article = html.partition("<article")[2].partition("</article>")[0]
    places = list(HEADING.finditer(article))
    ends = [place.start() for place in places[1:]] + [len(article)]
    return [
        Section(place["level"], place["anchor"], place["words"], article[place.end() : end])
        for place, end in zip(places, ends, strict=True)
    ]


def differences(one: list[Section], other: list[Section]) -> Iterator[str]:
    """Where two pages are not the same but for their words."""
    if [each[:2] for each in one] != [each[:2] for each in other]:
        yield "the headings"
    for left, right in zip(one, other, strict=False):
        there = kept(right.html)
        yield from (f"{left.anchor}: {name}" for name, found in kept(left.html).items() if found != there[name])


def kept(html: str) -> dict[str, Counter[str]]:
    """What a translation leaves as it is; words stand in another order, so it is counted."""
    text = unescape(re.sub(r"<[^>]*>", " ", CODE.sub(" ", html)))
    found = {name: Counter(pattern.findall(html)) for name, pattern in PIECES.items()}
    return found | {"numbers": Counter(map(plain, NUMBER.findall(text))), "signs": Counter(filter(is_sign, text))}


def plain(number: str) -> str:
    """10,000 and 10.000, and 0.95 and 0,95, as one and the same."""
    return re.sub("[.,]", "", number) if THOUSANDS.fullmatch(number) else number.replace(",", ".")


def is_sign(character: str) -> bool:
    """Of a formula: a sign of reckoning, a Greek letter, a raised or lowered character."""
    greek = unicodedata.name(character, "").startswith("GREEK")
    return greek or unicodedata.category(character) in {"Sm", "Lm", "No"} or character in "/^·′⌊⌋"


def linked() -> set[str]:
    """The anchors to which figures, question marks and sentences lead."""
    texts = [path.read_text() for path in (settings.BASE_DIR / "templates").rglob("*.html")]
    found = {anchor for text in texts for pair in LINKED.findall(text) for anchor in pair if anchor}
    return found | METHODS.keys() | {figure.heading for figure in FIGURES.values()}


def test_both_are_the_same_document() -> None:
    english_page, german_page = sections(page("en")), sections(page("de"))
    assert len(english_page) > 100
    assert list(differences(english_page, german_page)) == []


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("0,95 (<code>level</code>)", "0,99 (<code>level</code>)", "conventions: numbers"),
        ("10.000 gezogenen", "1.000 gezogenen", "methods-of-value-at-risk: numbers"),
        ("sd(r − b) · √periods", "sd(r + b) · √periods", "tracking-error: signs"),
        ("<code>withholding_rate</code>", "<code>rate</code>", "corporate-actions: code"),
        ('href="#max-drawdown"', 'href="#rueckgang"', "ulcer-index: links"),
        ('id="held-since"', 'id="gehalten-seit"', "the headings"),
        ("<li>Tage mit Gewinn", "Tage mit Gewinn", "return-calendar: tags"),
    ],
)
def test_a_change_to_one_alone_is_noticed(written: str, instead: str, told: str) -> None:
    german = page("de")
    assert written in german
    assert told in differences(sections(page("en")), sections(german.replace(written, instead)))


def test_german_is_german() -> None:
    html = page("de-at")
    assert '<html lang="de' in html
    assert '<article class="card prose" lang="de">' in html
    words = {section.anchor: section.words for section in sections(html)}
    assert (words["invested"], words["max-drawdown"], words["cost-methods"]) == (
        "Investiert",
        "Größter Rückgang",
        "Verbrauchsfolgen",
    )
    assert english(TITLES.sub(" ", html)) == []
    assert "nicht in Ihrer Sprache" not in html


def test_english_stays_english() -> None:
    html = page("en-gb")
    assert '<article class="card prose" lang="en">' in html
    assert {section.anchor: section.words for section in sections(html)}["cost-methods"] == "Cost methods"
    assert "not written in your language" not in html


@pytest.mark.parametrize("locale", ["en", "de"])
def test_every_link_of_a_figure_has_its_section(locale: str) -> None:
    assert len(linked()) > 90
    assert linked() <= {section.anchor for section in sections(page(locale))}


def test_a_language_without_a_text_of_its_own_gets_english_and_is_told(settings: LazySettings) -> None:
    settings.LANGUAGES = [*settings.LANGUAGES, ("fr", "Français")]
    html = page("fr")
    assert "This document is not written in your language; it is shown in English." in html
    assert '<article class="card prose" lang="en">' in html
    assert sections(html) == sections(page("en"))


@pytest.mark.parametrize("language", ["en", "de"])
def test_explanations_find_their_formula(language: str) -> None:
    with translation.override(language):
        assert [key for key, figure in FIGURES.items() if not formula(figure.heading)] == []
        assert all(row_of("methods-of-value-at-risk", method) for method in ("historical", "monte_carlo_t"))


def test_an_explanation_is_in_the_readers_language() -> None:
    with translation.override("de-ch"):
        assert formula("invested").startswith("Einstandswert der offenen Tranchen")
        assert "aus 10.000 gezogenen Renditen" in row_of("methods-of-value-at-risk", "monte_carlo")
    assert formula("invested").startswith("Cost of the open lots")
