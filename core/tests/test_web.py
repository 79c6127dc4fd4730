"""Requests that reach no view, and errors that no view foresaw."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from core.errors import DomainError, NotReady
from core.problems import body_of, handle
from core.web import server_error

if TYPE_CHECKING:  # core lies below users
    from users.models import User

PROBLEM, PAGE = "application/problem+json", "text/html; charset=utf-8"


class ShortSale(DomainError):
    """More is sold than is held."""


def sqlite_error(name: str) -> OperationalError:
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorname = name
    error = OperationalError("database is locked")
    error.__cause__ = cause
    return error


class Failing(APIView):
    authentication_classes = []
    permission_classes = []
    error: Exception = Exception()

    def get(self, request: Any) -> Response:
        raise self.error


CASES = [
    (ShortSale(), 400, "short_sale"),
    (ShortSale(field="lots.0.quantity"), 400, "short_sale"),
    (NotReady("No prices yet."), 503, "unavailable"),
    (Http404("No Portfolio matches"), 404, "not_found"),
    (PermissionDenied(), 403, "permission_denied"),
    (SuspiciousOperation("no"), 400, "parse_error"),
    (RequestDataTooBig("no"), 413, "body_too_large"),
    (ValidationError({"name": ["Too long."]}), 400, "invalid"),
    (ValidationError("Together they make no sense."), 400, "invalid"),
    (exceptions.Throttled(7), 429, "throttled"),
    (exceptions.UnsupportedMediaType("text/csv"), 415, "unsupported_media_type"),
    (IntegrityError("UNIQUE constraint failed: secret_table"), 409, "conflict"),
    (DataError("numeric field overflow"), 400, "invalid"),
    (OverflowError("Python int too large to convert to SQLite INTEGER"), 400, "invalid"),
    (sqlite_error("SQLITE_BUSY"), 503, "unavailable"),
    (sqlite_error("SQLITE_ERROR"), 500, "internal_server_error"),
    (OperationalError("server closed the connection"), 503, "unavailable"),
    (InterfaceError("connection already closed"), 503, "unavailable"),
    (KeyError("secret_table"), 500, "internal_server_error"),
]


@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=lambda value: getattr(value, "args", value))
def test_every_error_becomes_a_problem(error: Exception, status: int, code: str) -> None:
    response = Failing.as_view(error=error)(APIRequestFactory().get("/api/x/", headers={"accept": "application/json"}))
    response.render()
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    problem = response.data
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"]
    assert "secret_table" not in str(problem)
    assert ("Retry-After" in response) == (status in {429, 503})


@pytest.mark.parametrize(
    ("error", "errors"),
    [
        (ShortSale(field="lots.0.quantity"), {"lots.0.quantity": ["More is sold than is held."]}),
        (exceptions.ValidationError({"a": [{}, {"b": ["No."]}]}), {"a.1.b": ["No."]}),
        (exceptions.ValidationError({"a": {"b": ["No."], "non_field_errors": ["X."]}}), {"a.b": ["No."], "a": ["X."]}),
        (exceptions.ValidationError({"a": ["No.", "Never."]}), {"a": ["No.", "Never."]}),
    ],
)  # fmt: skip
def test_errors_are_flat_and_dotted(error: Exception, errors: dict[str, list[str]]) -> None:
    response = handle(error, {})
    assert response.data["errors"] == errors


def test_an_error_of_the_whole_body_is_the_detail() -> None:
    body = body_of(exceptions.ValidationError(["Give a quantity or an amount."]))
    assert (body["detail"], "errors" in body) == ("Give a quantity or an amount.", False)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/nothing/", "/portfolios/x/y/z/", "/api/jobs/%00/", "/api/jobs/not-an-id/"])
def test_unknown_api_urls_are_problems(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code in {401, 404}, answer["Content-Type"]) == (True, "application/problem+json")


@pytest.mark.django_db
def test_unknown_pages_are_pages() -> None:
    answer = Client().get("/nothing/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/jobs/", "application/problem+json"), ("/", "text/html; charset=utf-8")]
)
def test_null_characters_in_a_query_are_refused(path: str, kind: str, db: None) -> None:
    answer = Client().get(f"{path}?kind=a%00b")
    assert (answer.status_code, answer["Content-Type"]) == (400, kind)


@pytest.mark.parametrize("path", ["/api/x/", "/x/"])
def test_a_locked_database_outside_a_view_is_announced(path: str, db: None) -> None:
    try:
        raise sqlite_error("SQLITE_BUSY")
    except OperationalError:
        answer = server_error(RequestFactory().get(path))
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("path", ["/api/x/", "/x/"])
def test_a_defect_outside_a_view_is_a_500_without_details(path: str, db: None) -> None:
    try:
        raise KeyError("secret_table")
    except KeyError:
        answer = server_error(RequestFactory().get(path))
    assert answer.status_code == 500
    assert b"secret_table" not in answer.content


def test_a_missing_slash_keeps_the_method(db: None) -> None:
    answer = Client().post("/api/jobs", "{}", content_type="application/json")
    assert (answer.status_code, answer["Location"]) == (308, "/api/jobs/")


def test_the_browsable_api_relaxes_styles_alone(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    page = client.get("/api/jobs/", headers={"accept": "text/html"})
    policy = page["Content-Security-Policy"]
    assert page.status_code == 200
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src" not in policy
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in client.get("/api/jobs/").get("Content-Security-Policy", "")


def test_a_refusal_in_the_browsable_api_is_a_page(db: None) -> None:
    page = Client().get("/api/jobs/", headers={"accept": "text/html"})
    assert (page.status_code, page["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert b"not_authenticated" in page.content
