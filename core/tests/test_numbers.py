"""Numbers in the reader's writing, and back from what was typed."""

from __future__ import annotations

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from core.api import PLAIN_DECIMAL, plain
from core.web import localised, plain_number, two_numbers, typable

LOCALES = ["en", "en-us", "en-gb", "en-de", "en-ch", "de", "de-at", "de-ch"]


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("en", "-1,234,567.50"),
        ("en-us", "-1,234,567.50"),
        ("en-de", "-1.234.567,50"),
        ("en-ch", "-1’234’567.50"),
        ("de", "-1.234.567,50"),
        ("de-at", "-1.234.567,50"),
        ("de-ch", "-1’234’567.50"),
    ],
)
def test_digits_are_grouped_as_the_locale_does(locale: str, written: str) -> None:
    with translation.override(locale):
        assert localised("-1,234,567.50") == written
        assert plain_number(written) == "-1234567.50"


TYPED = [
    # locale, what somebody types, what it is: "" where it can be two numbers
    ("en", "1234.5", "1234.5"),
    ("en", "1,234.5", "1234.5"),
    ("en", "1,234", ""),
    ("en", "1,234,567", "1234567"),
    ("en", "1.234", "1.234"),
    ("en", "1,5", "1,5"),
    ("en", "12,34.5", "12,34.5"),
    ("en", "1 234.5", "1234.5"),
    ("en", "1.234,56", "1.234,56"),
    ("de", "1234,5", "1234,5".replace(",", ".")),
    ("de", "1.234,56", "1234.56"),
    ("de", "1.234", ""),
    ("de", "-1.234", ""),
    ("de", "0.123", "0.123"),
    ("de", "12.5", "12.5"),
    ("de", "1234.567", "1234.567"),
    ("de", "1,234", "1.234"),
    ("de", "1.234.567", "1234567"),
    ("de", "1,234.56", "1,234.56"),
    ("de", "1\N{NARROW NO-BREAK SPACE}234,5", "1234.5"),
    ("de-ch", "1'234.50", "1234.50"),
    ("de-ch", "1’234", "1234"),
    ("de-ch", "1'234’567", "1234567"),
    ("de-ch", "1.234", "1.234"),
    ("de", "−1.234,56", "-1234.56"),
    ("de", "NaN", "NaN"),
    ("de", "1e5", "1e5"),
    ("de", "1,,5", "1,,5"),
    ("de", "", ""),
]


@pytest.mark.parametrize(("locale", "text", "number"), TYPED)
def test_typed_numbers(locale: str, text: str, number: str) -> None:
    with translation.override(locale):
        assert plain_number(text) == number


@pytest.mark.parametrize(("locale", "text"), [(locale, text) for locale, text, number in TYPED if text and not number])
def test_who_is_asked_again_reads_both_numbers_and_each_is_understood(locale: str, text: str) -> None:
    with translation.override(locale):
        one, _or, other = two_numbers(text).rstrip(".").split(" ")[-3:]
        digits = text.strip().replace(".", "").replace(",", "")
        assert {plain_number(one), plain_number(other)} == {digits, f"{digits[:-3]}.{digits[-3:]}"}


@given(st.sampled_from(LOCALES), st.decimals(-(10**12), 10**12, places=6))
def test_what_a_form_shows_is_read_back(locale: str, value: object) -> None:
    written = plain(value)  # type: ignore[arg-type]
    with translation.override(locale):
        assert plain_number(typable(written)) == written


@given(st.sampled_from(LOCALES), st.text("0123456789.,-+’' ", max_size=12))
def test_a_number_is_never_changed_but_in_its_marks(locale: str, text: str) -> None:
    with translation.override(locale):
        number = plain_number(text)
    if PLAIN_DECIMAL.fullmatch(number):
        assert [each for each in number if each.isdigit()] == [each for each in text if each.isdigit()]
