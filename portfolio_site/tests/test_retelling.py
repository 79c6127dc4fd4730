"""Refusals that were kept in English are told in the reader's language, whatever values they have."""

from __future__ import annotations

import ast
import re

import pytest
from django.utils import translation
from django.utils.translation import gettext

from core.errors import DomainError, NotReady
from portfolio_site.catalogue import catalogues, parsed, read, refusals
from portfolio_site.catalogue import told as told_by
from portfolios.refused import REFUSED
from portfolios.retelling import VALUE, retold, told


def filled(text: str) -> str:
    return VALUE.sub(lambda found: f"⟨{found[1]}⟩", text)


def test_refusals_are_found_again_by_their_words() -> None:
    """All in one test: to look through the sources for them takes longer than all of them."""
    texts = sorted({text for text in (*(said for _, said in refusals()), *REFUSED) if VALUE.search(text)})
    assert len(texts) > 100
    with translation.override("de"):
        lost = [text for text in texts if retold(filled(text)) != filled(gettext(text))]
    assert lost == []
    assert [text for text in texts if retold(filled(text)) != filled(text)] == []


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


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("polygon: left alone after 3 failures in a row.", "polygon: in Ruhe gelassen nach 3 Fehlern hintereinander."),
        (
            "polygon: it did not accept the request: You are not entitled.",
            "polygon: er nahm die Anfrage nicht an: You are not entitled.",
        ),
        ("Line 3: transfer “T1”: its other row is missing.", "Zeile 3: transfer “T1”: ihre andere Zeile fehlt."),
        (
            "Line 3: “ABC” is unknown and cannot be added: No provider knows this symbol.",
            "Zeile 3: „ABC“ ist unbekannt und kann nicht aufgenommen werden: Kein Anbieter kennt dieses Kürzel.",
        ),
        (
            "Line 3: amount “1.5” is not a number with a comma before its decimals",
            "Zeile 3: amount „1.5“ ist keine Zahl mit einem Komma vor den Nachkommastellen",
        ),
        (
            "trade_time “x” is not a moment with day and time such as 2024-05-31T15:30:00Z",
            "trade_time „x“ ist kein Zeitpunkt mit Tag und Uhrzeit wie 2024-05-31T15:30:00Z",
        ),
        (
            "1,234 of 5,000 rows have errors; nothing is booked.",
            "1.234 von 5.000 Zeilen sind fehlerhaft; nichts wird gebucht.",
        ),
        ("Line 1: amount “1,234” has more than 4 decimals", "Zeile 1: amount „1,234“ hat mehr als 4 Nachkommastellen"),
        ("a: " * 300 + "it is empty", "a: " * 300 + "it is empty"),  # no refusal is as deep
        ("amount is 0" + "." * 5000, "amount is 0" + "." * 5000),
    ],
)
def test_what_is_kept_is_told_whole(text: str, german: str) -> None:
    with translation.override("de"):
        assert retold(text) == german
    assert retold(text) == text


def test_what_rows_are_refused_for_is_known_to_the_catalogues() -> None:
    """Each text that a reader of files raises, with anything in the place of its values, is among those marked."""
    readers = ("banking/statements/", "banking/services/import", "portfolios/services/import")
    known = {message.id for path in catalogues() for message in read(path) if isinstance(message.id, str)}
    raised = [
        (name, text)
        for name, tree in parsed().items()
        if name.startswith(readers)
        for text in told_by(tree, ("Wrong", "Unreadable"))
        if not ast.unparse(text).endswith(": {error.message}'")
    ]
    assert len(raised) > 30
    unknown = [
        (name, ast.unparse(text))
        for name, text in raised
        if (pattern := _pattern(text)) and not any(re.fullmatch(pattern, each) for each in known)
    ]
    assert unknown == []  # what is said of a column by another text is told as “column: text”


def _pattern(node: ast.expr) -> str:
    """What a text looks like, its values open; empty for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(_pattern(part) if isinstance(part, ast.Constant) else ".+?" for part in node.values)
