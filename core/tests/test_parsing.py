"""JSON bodies: what is read exactly, and what is refused with a 400."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from pytest_django import Settings
from rest_framework.exceptions import ParseError

from core.parsing import MAX_DEPTH, BodyTooLarge, StrictJSONParser, parse_json


def test_numbers_stay_exact() -> None:
    value = parse_json(b'{"a": 0.1, "b": 12345678901234567890.0123456789, "c": 7, "d": 1e2, "e": true}')
    assert value == {"a": Decimal("0.1"), "b": Decimal("12345678901234567890.0123456789"), "c": 7, "d": 100, "e": True}
    assert [type(value[key]) for key in "abcde"] == [Decimal, Decimal, int, Decimal, bool]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"x": {"a": 1, "a": 1}}',
        b'{"\\ud800": 1, "\\ud800": 2}',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b'"\\ud800"',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"1e999999999",
        b"1e99999999999999999999999999",
        b"1" * 5000,
        b"0." + b"1" * 5000,
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"{'a': 1}",
        b'{"a": 1} {"b": 2}',
        b'{"a": 01}',
        b'{"a": 1_000}',
    ],
    ids=lambda body: body[:24].decode("latin-1") + f" ({len(body)})",
)
def test_what_json_leaves_open_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse_json(body)
    str(caught.value.detail).encode()  # the message can be sent


def test_surrogate_pairs_are_ordinary_text() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_depth_within_the_limit_is_read() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_body_beyond_the_limit_is_not_read(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert StrictJSONParser().parse(io.BytesIO(b"[12345678]")) == [12345678]
    with pytest.raises(BodyTooLarge):
        StrictJSONParser().parse(io.BytesIO(b"[123456789]"))


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "bz2", "nonsense"])
def test_other_encodings_are_refused(charset: str) -> None:
    with pytest.raises(ParseError):
        StrictJSONParser().parse(io.BytesIO(b"{}"), f"application/json; charset={charset}")
