"""Which rule a row gets: tables of conditions, and properties of the order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banking.matching.rules import Row, Rule, RuleBook, first_match
from banking.matching.words import lasting, words

ROW = Row("REWE1234 Café Zürich", Decimal("-12.50"), account=1, section="expense", counterparty=7, iban="DE1")


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({}, True),
        ({"words": ("rewe",)}, True),
        ({"words": ("other", "CAFE")}, True),
        ({"words": ("cafe zurich",)}, True),
        ({"words": ("café, zürich",)}, True),
        ({"words": ("zurich cafe",)}, False),
        ({"words": ("rew",)}, False),
        ({"words": ("1234",)}, True),
        ({"words": ("123",)}, False),
        ({"words": (" - ",)}, False),
        ({"least": Decimal("12.50"), "most": Decimal("12.50")}, True),
        ({"least": Decimal("12.51")}, False),
        ({"most": Decimal("12.49")}, False),
        ({"least": Decimal(-13), "most": Decimal(-12), "signed": True}, True),
        ({"least": Decimal(12), "most": Decimal(13), "signed": True}, False),
        ({"account": 1}, True),
        ({"account": 2}, False),
        ({"section": "expense"}, True),
        ({"section": "income"}, False),
        ({"counterparty": 7}, True),
        ({"counterparty": 8}, False),
        ({"iban": "DE1"}, True),
        ({"iban": "DE2"}, False),
        ({"words": ("rewe",), "account": 2}, False),
    ],
)
def test_every_condition_must_hold(conditions: dict[str, Any], fits: bool) -> None:
    assert (first_match([Rule(**conditions)], ROW) is not None) is fits


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("Müller & Söhne", ("muller", "sohne")),
        ("STRASSE", ("strasse",)),
        ("Straße", ("strasse",)),
        ("H&M 24", ("h", "m", "24")),
        ("İstanbul", ("istanbul",)),
        ("a_b", ("a", "b")),
        ("🍕", ()),
    ],
)
def test_words(text: str, expected: tuple[str, ...]) -> None:
    assert words(text) == expected


def test_what_lasts_of_a_description() -> None:
    assert lasting("NETFLIX.COM 2024-03 #991") == lasting("Netflix.com 2024-04 #17") == "netflix com"


texts = st.lists(st.sampled_from(["rewe", "Café", "bar", "24", "zürich"]), max_size=4).map(" ".join)
amounts = st.decimals(-100, 100, places=2)
rows = st.builds(
    Row,
    texts,
    amounts,
    st.integers(1, 2),
    st.sampled_from(["income", "expense"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["", "DE1"]),
)
rules = st.builds(
    Rule,
    key=st.integers(1, 10**6),
    words=st.lists(texts.filter(bool), max_size=2).map(tuple),
    least=st.none() | amounts,
    most=st.none() | amounts,
    signed=st.booleans(),
    account=st.sampled_from([None, 1, 2]),
    section=st.sampled_from(["", "expense"]),
    counterparty=st.sampled_from([None, 1]),
    iban=st.sampled_from(["", "DE1"]),
)


@given(st.lists(rules, max_size=8), rows)
def test_the_first_that_fits_alone_wins(found: list[Rule], row: Row) -> None:
    alone = [rule for rule in found if first_match([rule], row)]
    assert first_match(found, row) == (alone[0] if alone else None)


@given(st.lists(rules, min_size=1, max_size=8), rows, st.data())
def test_what_stands_behind_the_match_does_not_count(found: list[Rule], row: Row, data: st.DataObject) -> None:
    matched = first_match(found, row)
    place = found.index(matched) if matched else len(found) - 1
    behind = data.draw(st.permutations(found[place + 1 :]))
    assert first_match([*found[: place + 1], *behind], row) == matched


@given(st.lists(rules, max_size=8), rows)
def test_a_rule_without_conditions_in_front_takes_every_row(found: list[Rule], row: Row) -> None:
    everything = Rule(key=-1)
    assert first_match([everything, *found], row) is everything
    last = first_match([*found, everything], row)
    assert last is (everything if first_match(found, row) is None else first_match(found, row))


@given(st.lists(rules, max_size=8), st.lists(rows, max_size=20))
def test_a_book_answers_each_row_as_if_it_were_alone(found: list[Rule], many: list[Row]) -> None:
    book = RuleBook(found)
    assert [book.first_match(row) for row in [*many, *many]] == [first_match(found, row) for row in [*many, *many]]


@given(rules.filter(lambda rule: bool(rule.words)), rows)
def test_case_and_accents_do_not_count(rule: Rule, row: Row) -> None:
    loud = replace(rule, words=tuple(word.upper() for word in rule.words))
    fits = first_match([rule], row) is not None
    assert (first_match([loud], row) is not None) is fits
    assert (first_match([rule], row._replace(text=row.text.upper().replace("É", "E"))) is not None) is fits
