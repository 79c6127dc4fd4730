"""Errors as ``application/problem+json`` (RFC 9457): one shape for every refusal and failure under the API."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    NON_FIELD_ERRORS,
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as ModelValidationError
from django.core.signals import got_request_exception
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from core.errors import DomainError, Forbidden, Gone, NotReady
from core.parsing import BodyTooLarge

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
RETRY_AFTER = 1
OUT_OF_RANGE = "A value is outside the range that can be stored."
RETRYABLE_SQLSTATES = ("08", "40", "53", "55", "57")  # connection, rollback, resources, lock, shutdown or time-out
RETRYABLE_SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")


class Unavailable(exceptions.APIException):
    status_code = 503
    default_code = "unavailable"
    default_detail = "The server cannot do this right now. Nothing was stored; try again shortly."
    wait = RETRY_AFTER


class Conflict(exceptions.APIException):
    status_code = 409
    default_code = "conflict"
    default_detail = "This contradicts what is stored already, or what is stored depends on it. Nothing was changed."


class Problem(Response):
    """A problem as a DRF response; the browsable API shows it as a page."""

    @property
    def rendered_content(self) -> Any:
        if getattr(self.accepted_renderer, "format", None) == "json":
            self.content_type = CONTENT_TYPE
        return super().rendered_content


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler: every exception becomes a problem, unforeseen ones a logged 500."""
    known = as_api_exception(error)
    if known is None:
        _report(error, context.get("request"))
        return Problem(describe(500), status=500)
    if isinstance(known, Unavailable | Conflict):
        logger.warning("%s: %s", type(error).__name__, error)
    from rest_framework.views import set_rollback

    set_rollback()
    return Problem(body_of(known), status=known.status_code, headers=headers_of(known))


def as_api_exception(error: BaseException) -> exceptions.APIException | None:
    """The HTTP meaning of ``error``; None when it has none and is a defect of the server."""
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, DomainError) and not isinstance(error, Forbidden | Gone):
        refusal = exceptions.ValidationError({error.field: [error.message]} if error.field else [error.message])
        return _named(refusal, error.code, error.message)
    if isinstance(error, DatabaseError | InterfaceError):
        return _database(error)
    if isinstance(error, OverflowError):  # SQLite's driver, for an integer beyond 64 bits
        return exceptions.ValidationError([OUT_OF_RANGE])
    return _of_django(error)


def _of_django(error: BaseException) -> exceptions.APIException | None:
    if isinstance(error, Http404 | Gone):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied | Forbidden):
        return exceptions.PermissionDenied((error.message if isinstance(error, Forbidden) else str(error)) or None)
    if isinstance(error, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(error, ModelValidationError):
        return exceptions.ValidationError(_messages(error))
    if isinstance(error, SuspiciousOperation | BadRequest | UnreadablePostError):
        return exceptions.ParseError("The request is malformed.")
    return Unavailable(str(error) or None) if isinstance(error, NotReady) else None


def _messages(error: ModelValidationError) -> dict[str, list[str]] | list[str]:
    if not hasattr(error, "error_dict"):
        return error.messages
    return {
        "non_field_errors" if name == NON_FIELD_ERRORS else name: texts for name, texts in error.message_dict.items()
    }


def _database(error: BaseException) -> exceptions.APIException | None:
    if isinstance(error, IntegrityError):
        return Conflict()
    if isinstance(error, DataError):
        return exceptions.ValidationError([OUT_OF_RANGE])
    return Unavailable() if isinstance(error, OperationalError | InterfaceError) and _passing(error) else None


def _passing(error: BaseException) -> bool:
    """Whether trying again can help: a lock, a lost connection, a full disk; not a missing table."""
    cause = error.__cause__
    sqlite = getattr(cause, "sqlite_errorname", None)
    if sqlite is not None:
        return str(sqlite).startswith(RETRYABLE_SQLITE)
    sqlstate = getattr(cause, "pgcode", None)
    return sqlstate is None or str(sqlstate).startswith(RETRYABLE_SQLSTATES)


def _named(error: exceptions.ValidationError, code: str, detail: str) -> exceptions.ValidationError:
    error.problem_code, error.problem_detail = code, detail  # type: ignore[attr-defined]
    return error


def headers_of(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(error.auth_header)  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = f"{error.wait:.0f}"  # type: ignore[attr-defined]
    return headers


def body_of(error: exceptions.APIException) -> dict[str, Any]:
    """The members of the problem: type, title, status, detail, code and, for bad input, errors by field."""
    if isinstance(error, exceptions.ValidationError):
        errors = dict(flatten(error.detail))
        detail = getattr(error, "problem_detail", "") or _summary(errors)
        code = getattr(error, "problem_code", "invalid")
        named = {name: texts for name, texts in errors.items() if name}
        return describe(error.status_code, detail, code) | ({"errors": named} if named else {})
    return describe(error.status_code, _text(error.detail), _code(error)) | getattr(error, "members", {})


def describe(status: int, detail: str = "", code: str = "") -> dict[str, Any]:
    phrase = HTTPStatus(status)
    return {
        "type": "about:blank",
        "title": phrase.phrase,
        "status": status,
        "detail": detail or ("The server failed; the failure was logged." if status == 500 else phrase.description),
        "code": code or phrase.name.lower(),
    }


def flatten(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Nested errors by dotted path, such as investments.1.asset; "" for those of the whole body."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = name == "non_field_errors"
            yield from flatten(inner, path if own else f"{path}.{name}".lstrip("."))
    elif isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        for position, inner in enumerate(detail):
            yield from flatten(inner, f"{path}.{position}".lstrip("."))
    elif detail:
        yield path, [str(text) for text in (detail if isinstance(detail, list) else [detail])]


def _summary(errors: Mapping[str, list[str]]) -> str:
    return " ".join(f"{name}: {texts[0]}" if name else texts[0] for name, texts in list(errors.items())[:5])


def _text(detail: Any) -> str:
    return str(detail.get("detail", "")) if isinstance(detail, Mapping) else str(detail)


def _code(error: exceptions.APIException) -> str:
    code = error.detail.get("code") if isinstance(error.detail, Mapping) else getattr(error.detail, "code", None)
    return str(code or error.default_code)


def problem_response(error: exceptions.APIException) -> HttpResponse:
    """The problem for code outside DRF: middleware and URLs that do not resolve."""
    return JsonResponse(body_of(error), status=error.status_code, headers=headers_of(error), content_type=CONTENT_TYPE)


def failure_response() -> HttpResponse:
    return JsonResponse(describe(500), status=500, content_type=CONTENT_TYPE)


def _report(error: Exception, request: Any) -> None:
    inner: HttpRequest | None = getattr(request, "_request", request)
    logger.error("%s %s failed", getattr(inner, "method", ""), getattr(inner, "path", ""), exc_info=error)
    got_request_exception.send(sender=None, request=inner)
