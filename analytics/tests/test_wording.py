"""Texts of pure code in German: each is found by its own pattern, and factors have names of their own."""

from __future__ import annotations

import re

import pytest
from django.utils import translation
from django.utils.translation import gettext

from analytics.factor_files.table import STANDARD
from analytics.texts import FACTORS, WITH_VALUES
from analytics.wording import _patterns, factor_worded, reason_worded, worded

LIMITS = ("turnover of at most %(share)s", "expected return of at least %(share)s", "volatility of at most %(share)s")
VALUE = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize("text", WITH_VALUES)
def test_a_text_is_found_by_its_own_pattern(text: str) -> None:
    filled = VALUE.sub(lambda found: f"⟨{found[1]}⟩", text)
    assert next(own for pattern, own in _patterns(WITH_VALUES) if pattern.fullmatch(filled)) == text


@pytest.mark.parametrize(
    "text",
    ["turnover of at most %(share)s", "expected return of at least %(share)s", "volatility of at most %(share)s"],
)
def test_a_limit_is_german_throughout(text: str) -> None:
    with translation.override("de"):
        assert worded(text % {"share": "20%"}) == gettext(text) % {"share": "20%"}
        assert gettext(text) != text


def test_a_factor_is_neither_an_exchange_nor_an_amount() -> None:
    with translation.override("de"):
        names = {name: factor_worded(name) for name in ("Market", "Value", "Risk-free rate", "Snowfall", "")}
        assert names["Market"] == "Markt" != gettext("Market")
        assert names["Value"] == "Substanzwert" != gettext("Value")
        assert names["Risk-free rate"] == gettext("Risk-free rate")
        assert (names["Snowfall"], names[""]) == ("Snowfall", "")
    assert [factor_worded(name) for name in ("Market", "Value")] == ["Market", "Value"]


def test_every_usual_factor_has_its_words() -> None:
    assert {str(name) for name in FACTORS} == {name for key, (name, _) in STANDARD.items() if key != "rf"}


@pytest.mark.parametrize("name", ["SPDR: United States", "Depot: Cash", "Cash is 0", "Line 3: amount is 0"])
def test_a_name_is_no_refusal(name: str) -> None:
    with translation.override("de"):
        assert worded(name) == name


def test_a_stored_refusal_is_told() -> None:
    with translation.override("de"):
        assert reason_worded("AAPL: needs 60 days, has 3") == "AAPL: braucht 60 Tage, hat 3"
        assert reason_worded("there is no benchmark") == gettext("there is no benchmark")
        assert reason_worded(None) == reason_worded("") == ""
    assert reason_worded("AAPL: needs 60 days, has 3") == "AAPL: needs 60 days, has 3"
