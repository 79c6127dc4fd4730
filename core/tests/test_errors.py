"""What errors of the domain say, to programs and to people."""

from __future__ import annotations

from decimal import Decimal

from django.utils import translation

from core.errors import DomainError, Forbidden


class TooMuch(DomainError):
    """There is not so much
    of it.
    """


def test_the_docstring_is_the_message() -> None:
    error = TooMuch()
    assert (str(error), error.message, error.code) == ("There is not so much of it.",) * 2 + ("too_much",)


def test_values_take_their_places() -> None:
    error = TooMuch("{held} is held, {wanted:,.2f} is wanted.", field="quantity", held=3, wanted=Decimal(1000))
    assert str(error) == error.message == "3 is held, 1,000.00 is wanted."
    assert error.field == "quantity"


def test_braces_without_values_are_themselves() -> None:
    assert TooMuch("{} is no JSON.").message == "{} is no JSON."


def test_a_refusal_within_another_says_it_in_the_same_language() -> None:
    error = TooMuch("Line {line}: {reason}", line=3, reason=Forbidden())
    assert str(error) == error.message == "Line 3: You see this, but may not do that with it."
    with translation.override("de"):
        assert error.message == "Zeile 3: Sie sehen dies, dürfen das damit aber nicht tun."
        assert str(error) == "Line 3: You see this, but may not do that with it."


def test_grouped_numbers_are_the_readers() -> None:
    error = TooMuch("The file is larger than {most:,} bytes.", most=1234567)
    with translation.override("de"):
        assert error.message == "Die Datei ist größer als 1.234.567 Byte."
    with translation.override("de-ch"):
        assert error.message == "Die Datei ist größer als 1’234’567 Byte."
    assert str(error) == error.message == "The file is larger than 1,234,567 bytes."


def test_people_read_it_in_their_language() -> None:
    with translation.override("de"):
        assert Forbidden().message == "Sie sehen dies, dürfen das damit aber nicht tun."
        assert str(Forbidden()) == "You see this, but may not do that with it."
