"""How numbers are written on pages."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assets.models import Asset
from portfolios.templatetags import money


@pytest.mark.parametrize(
    ("value", "currency", "plain", "signed"),
    [
        pytest.param(Decimal("1234567.891"), "USD", "1,234,567.89", "+1,234,567.89", id="cents"),
        pytest.param(Decimal("-0.005"), "USD", "−0.01", "−0.01", id="half a cent, away from zero"),
        pytest.param(Decimal("-0.004"), "USD", "0.00", "0.00", id="no negative zero"),
        pytest.param(Decimal("1234.5"), "JPY", "1,235", "+1,235", id="no decimals"),
        pytest.param(Decimal("1.2345"), "KWD", "1.235", "+1.235", id="three decimals"),
        pytest.param(Decimal("12345678901234567890.12"), "USD", "12,345,678,901,234,567,890.12", None, id="all digits"),
        pytest.param(1234.565, "USD", "1,234.57", "+1,234.57", id="a chart's float"),
        pytest.param(None, "USD", "–", "–", id="missing"),
    ],
)
def test_amounts_have_the_currencys_minor_units(
    value: Decimal | None, currency: str, plain: str, signed: str | None
) -> None:
    assert money.amount(value, currency) == plain
    assert money.signed_amount(value, currency) == (signed or f"+{plain}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(Decimal(150), "150.00", id="padded"),
        pytest.param(Decimal("25.4861069"), "25.4861", id="four decimals"),
        pytest.param(Decimal("0.1234567"), "0.123457", id="six decimals below 1"),
        pytest.param(Decimal("1E+3"), "1,000.00", id="an exponent"),
        pytest.param(None, "–", id="missing"),
    ],
)
def test_prices_keep_their_digits(value: Decimal | None, text: str) -> None:
    assert money.unit_price(value, "USD") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(Decimal("10.0000000000"), "10"), (Decimal("1500.25"), "1,500.25"), (Decimal("1E+3"), "1,000"), (None, "–")],
)
def test_quantities_lose_trailing_zeros_only(value: Decimal | None, text: str) -> None:
    assert money.quantity(value) == text


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [
        (0.12345, "12.35%", "+12.35%"),
        (-0.5, "−50.00%", "−50.00%"),
        (-0.00001, "0.00%", "0.00%"),
        (Decimal("12.5"), "1,250.00%", "+1,250.00%"),
        (None, "–", "–"),
    ],
)
def test_percentages(value: float | Decimal | None, plain: str, signed: str) -> None:
    assert money.percent(value) == plain
    assert money.signed_percent(value) == signed


def test_a_change_is_told_by_arrow_and_class_and_is_escaped() -> None:
    assert "gain" in money.change(1, "+1") and "▲" in money.change(1, "+1")  # noqa: PT018
    assert "loss" in money.change(Decimal(-1), "−1") and "▼" in money.change(-1, "−1")  # noqa: PT018
    assert money.change(0, "<0>") == '<span class="flat">&lt;0&gt;</span>'
    assert money.change(None, "–") == '<span class="flat">–</span>'


@pytest.mark.parametrize(
    ("asset", "unit"),
    [
        pytest.param({"type": "bond", "price_factor": Decimal("0.01")}, "% of par", id="a bond"),
        pytest.param({"type": "bond", "price_factor": Decimal(10)}, "USD", id="a bond by its piece"),
        pytest.param({"price_factor": Decimal(10)}, "USD", id="quoted by a contract of ten"),
        pytest.param({}, "USD", id="a share"),
    ],
)
def test_what_a_price_is_in(asset: dict[str, object], unit: str) -> None:
    assert money.quoted_in(Asset(symbol="X", currency="USD", **asset)) == unit
