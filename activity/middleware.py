"""`Idempotency-Key`: a POST that is sent again gets the first answer and changes nothing.

The key is claimed in a transaction of its own. The view then runs in the same transaction
as the storing of its answer, under the row's lock. So an answered write exists exactly once,
and the key of a request whose process died is free for the next attempt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.settings import api_settings

from activity.models import IdempotencyKey
from core.problems import as_api_exception, problem_response
from core.web import is_api

if TYPE_CHECKING:
    from users.models import User

KEY = re.compile("[\x21-\x7e]{1,255}")
SECRET_ANSWERS = re.compile(r"/api/auth/|/api/organisations/[^/]+/invitations/")  # their secrets are kept nowhere
KEPT_HEADERS = ("Content-Type", "Content-Disposition", "Location")
NOT_AN_ANSWER = {401, 409, 429}  # the same request can succeed later; so can any 5xx


class StillRunning(exceptions.APIException):
    status_code = 409
    default_code = "idempotency_key_in_use"
    default_detail = "The first request with this Idempotency-Key is still running."
    wait = 1


class KeyReused(exceptions.APIException):
    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request. Send a new key with a new request."


class BadKey(exceptions.APIException):
    status_code = 400
    default_code = "idempotency_key_invalid"
    default_detail = "An Idempotency-Key has 1 to 255 visible ASCII characters, such as a UUID."


class NotAnAnswer(Exception):
    """The response is passed on but not kept: whatever the request did is undone."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


class IdempotencyMiddleware:
    """The innermost middleware, so that what it stores is what the view answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST" or not is_api(request.path) or SECRET_ANSWERS.match(request.path):
            return self.get_response(request)
        user = caller(request)
        if user is None:
            return self.get_response(request)  # which refuses it
        try:
            return self._answer_once(request, user, key)
        except Exception as error:
            known = as_api_exception(error)
            if known is None:
                raise
            return problem_response(known)

    def _answer_once(self, request: HttpRequest, user: User, key: str) -> HttpResponse:
        if not KEY.fullmatch(key):
            raise BadKey
        claimed = claim(user, key, fingerprint_of(request))
        try:
            with transaction.atomic():
                row = lock(claimed.pk)
                return self._first_answer(request, row) if row.status is None else replay(row)
        except NotAnAnswer as passed_on:
            IdempotencyKey.objects.filter(pk=claimed.pk, status__isnull=True).delete()
            return passed_on.response

    def _first_answer(self, request: HttpRequest, row: IdempotencyKey) -> HttpResponse:
        with transaction.atomic():
            response = self.get_response(request)
            if response.status_code >= 400:
                transaction.set_rollback(True)
        if response.status_code >= 500 or response.status_code in NOT_AN_ANSWER:
            raise NotAnAnswer(response)
        keep(row, response)
        return response


def caller(request: HttpRequest) -> User | None:
    """Who sends the request, by the API's own authenticators; None if they refuse it."""
    try:
        user = Request(request, authenticators=_authenticators()).user
    except exceptions.APIException:
        return None
    return user if user.is_authenticated else None


def _authenticators() -> list[BaseAuthentication]:
    classes = cast("list[type[BaseAuthentication]]", api_settings.DEFAULT_AUTHENTICATION_CLASSES)
    return [make() for make in classes]


def fingerprint_of(request: HttpRequest) -> str:
    """SHA-256 of method, path with query, content type and body."""
    parts = [request.method or "", request.get_full_path(), request.content_type or ""]
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + request.body).hexdigest()


def claim(user: User, key: str, fingerprint: str) -> IdempotencyKey:
    """The row of this key, committed. Raises ``KeyReused`` if it stands for another request."""
    row, _ = IdempotencyKey.objects.get_or_create(user=user, key=key, defaults={"fingerprint": fingerprint})
    if row.fingerprint != fingerprint:
        raise KeyReused
    return row


def lock(pk: int) -> IdempotencyKey:
    """The row, locked until the transaction ends. SQLite has one writer at a time and needs no row lock."""
    try:
        return IdempotencyKey.objects.select_for_update(nowait=connection.features.has_select_for_update_nowait).get(
            pk=pk
        )
    except IdempotencyKey.DoesNotExist:
        raise StillRunning from None  # it failed just now and freed the key
    except (OperationalError, InterfaceError) as error:
        if getattr(error.__cause__, "pgcode", None) == "55P03":  # lock_not_available
            raise StillRunning from error
        raise


def keep(row: IdempotencyKey, response: HttpResponse) -> None:
    row.status = response.status_code
    row.headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    row.body = response.content
    row.save(update_fields=["status", "headers", "body"])


def replay(row: IdempotencyKey) -> HttpResponse:
    headers = row.headers | {"Idempotency-Replayed": "true"}
    return HttpResponse(bytes(row.body), status=row.status, headers=headers)
