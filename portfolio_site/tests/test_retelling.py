"""Refusals that were kept in English are told in the reader's language, whatever values they have."""

from __future__ import annotations

import pytest
from django.utils import translation
from django.utils.translation import gettext

from core.errors import DomainError, NotReady
from portfolio_site.catalogue import refusals
from portfolios.refused import REFUSED
from portfolios.retelling import VALUE, retold, told

TEXTS = sorted(
    {text for _, text in refusals() if VALUE.search(text)} | {text for text in REFUSED if VALUE.search(text)}
)


def filled(text: str) -> str:
    return VALUE.sub(lambda found: f"⟨{found[1]}⟩", text)


@pytest.mark.parametrize("text", TEXTS)
def test_a_refusal_is_found_again_by_its_words(text: str) -> None:
    with translation.override("de"):
        assert retold(filled(text)) == filled(gettext(text))
    assert retold(filled(text)) == filled(text)


def test_other_texts_stay_as_they_are() -> None:
    with translation.override("de"):
        assert retold("Nobody says it {like} this") == "Nobody says it {like} this"
        assert retold("") == ""
        assert retold("The holders of the asset keep changing.") == gettext("The holders of the asset keep changing.")


def test_an_error_is_told_in_the_language_of_who_reads_it() -> None:
    refusal = DomainError("{symbol} has no corporate actions.", symbol="DEMO")
    wait = NotReady("The holders of the asset keep changing.")
    with translation.override("de"):
        assert told(refusal) == gettext("{symbol} has no corporate actions.").format(symbol="DEMO") != str(refusal)
        assert told(wait) == gettext(str(wait)) != str(wait)
    assert (told(refusal), told(wait)) == (str(refusal), str(wait))


def test_what_a_row_of_a_file_was_refused_for_is_told_with_its_column() -> None:
    with translation.override("de"):
        assert retold("Line 3: amount is 0") == "Zeile 3: amount ist 0"
        assert retold("transfer “T1”: its other row is missing") == "transfer “T1”: ihre andere Zeile fehlt"
        assert retold("polygon: the answer is not JSON") == "polygon: die Antwort ist kein JSON"
        assert retold("1 of 3 rows has an error; nothing is booked.").startswith("1 von 3 Zeilen ist fehlerhaft")


def test_columns_that_lack_are_told_however_many() -> None:
    with translation.override("de"):
        assert retold("the first line must name the columns; missing: day, close").endswith("es fehlt: day, close")
        both = retold("the first line must name the columns a, b, c: a, b missing; d unknown")
        assert both == "die erste Zeile muss die Spalten a, b, c nennen; es fehlt: a, b; unbekannt: d"
