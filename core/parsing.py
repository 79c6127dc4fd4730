"""JSON that means one thing: the parser of every endpoint.

Python's own reader accepts NaN, keeps the last of two equal keys, rounds numbers to
binary floats and lets through characters that PostgreSQL cannot store.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import IO, Any, NoReturn

from django.conf import settings
from django.http import QueryDict, UnreadablePostError
from django.http.request import RawPostDataException
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser

MAX_DEPTH = 20
MAX_NUMBER_LENGTH = 64
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "body_too_large"
    default_detail = "The body is larger than the server accepts."


class StrictJSONParser(JSONParser):
    """Numbers become ``int`` or ``Decimal``; what JSON leaves open is refused with a 400."""

    strict = True

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        _require_utf8(media_type or "")
        return parse_json(_read(stream))


def parse_json(body: bytes) -> Any:
    """The value of one JSON document. Raises ``ParseError`` (400) with the reason."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_keys,
        )
    except UnicodeDecodeError as error:
        raise ParseError("The body is not UTF-8.") from error
    except RecursionError:
        raise _too_deep() from None  # its traceback is a thousand frames
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}.") from error
    _check(value, depth=0)
    return value


def _require_utf8(media_type: str) -> None:
    """Django forgets a charset that it does not know, so the header itself is asked."""
    charset = parse_header_parameters(media_type)[1].get("charset", "utf-8")
    if charset.lower().replace("_", "-") not in {"utf-8", "utf8"}:
        raise ParseError("The body must be UTF-8; JSON has no other encoding.")


def _read(stream: IO[Any]) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        body: bytes = stream.read() if limit is None else stream.read(limit + 1)
    except (UnreadablePostError, RawPostDataException) as error:
        raise ParseError("The body could not be read to its end.") from error
    if limit is not None and len(body) > limit:
        raise BodyTooLarge(f"The body is larger than {limit:,} bytes, the most that is accepted.")
    return body


def _integer(digits: str) -> int:
    return int(_short(digits))


def _decimal(digits: str) -> Decimal:
    try:
        number = Decimal(_short(digits))
    except InvalidOperation as error:
        raise ParseError(f"The number {digits} is out of range.") from error
    # Written out in full, 1e999999 would fill the memory.
    if abs(number.adjusted()) > MAX_NUMBER_LENGTH:
        raise ParseError(f"The number {digits} is out of range.")
    return number


def _short(digits: str) -> str:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise ParseError(f"A number has more than {MAX_NUMBER_LENGTH} characters.")
    return digits


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is not a JSON number.")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ParseError(f"The key “{UNSTORABLE.sub('?', key[:100])}” occurs twice.")
        found[key] = value
    return found


def _check(value: Any, depth: int) -> None:
    """``depth`` is the number of arrays and objects around ``value``."""
    if isinstance(value, str):
        _storable(value)
    elif isinstance(value, dict | list):
        if depth >= MAX_DEPTH:
            raise _too_deep()
        for item in value:
            _check(item, depth + 1)
        for item in value.values() if isinstance(value, dict) else ():
            _check(item, depth + 1)


def _too_deep() -> ParseError:
    return ParseError(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _storable(text: str) -> None:
    if UNSTORABLE.search(text):
        raise ParseError("A text holds a null character or half of a surrogate pair, which cannot be stored.")


class StrictFormParser(FormParser):
    """A form of text fields, as OAuth2 clients send it, under the same limit of size."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return QueryDict(_read(stream).decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ParseError("The body is not UTF-8.") from error


class StrictMultiPartParser(MultiPartParser):
    """Files and text fields, under the same limit of size for all of them together."""

    @property
    def most(self) -> int | None:
        """Bytes of a body; None for no limit."""
        limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return limit

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = self.most
        length = str(((parser_context or {})["request"].META.get("CONTENT_LENGTH")) or "0")
        if limit is not None and length.isascii() and length.isdigit() and int(length[:18]) > limit:
            raise BodyTooLarge(f"The body is larger than {limit:,} bytes, the most that is accepted.")
        try:
            return super().parse(stream, media_type, parser_context)
        except (UnreadablePostError, RawPostDataException) as error:
            raise ParseError("The body could not be read to its end.") from error
