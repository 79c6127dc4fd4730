"""Flower, the view of background work, behind the administrators' login.

Flower's own logins are one shared password or somebody else's OAuth. Here every address is refused unless Django
says that the visitor is an active superuser: by the session of the site (the browser sends it to every port of the
host), or by HTTP Basic through ``authenticate()``, which counts and locks out failed tries like the login page.
After a Basic login a signed cookie spares the next requests the slow password hash; a new password ends it.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import flower.urls
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import authenticate, get_user, get_user_model
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore
from django.db import close_old_connections
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from flower.app import Flower
from flower.options import options
from flower.views.auth import LoginHandler
from flower.views.error import NotFoundErrorHandler
from tornado.netutil import is_valid_ip
from tornado.web import HTTPError, RequestHandler

from portfolio_site.celery import app as celery_app
from users.models import User

COOKIE = "flower_login"
COOKIE_DAYS = 1 / 24
OPEN_PATHS = {"/healthcheck"}  # says "OK" to a probe and nothing else


class Visitor:
    """What one request offers to prove who sends it. All methods touch the database: call them off the event loop."""

    def __init__(self, handler: RequestHandler) -> None:
        self.session_key = handler.get_cookie(settings.SESSION_COOKIE_NAME)
        self.signed = handler.get_secure_cookie(COOKIE, max_age_days=COOKIE_DAYS)
        self.authorization = handler.request.headers.get("Authorization", "")
        self.request = HttpRequest()
        self.request.method = "GET"
        self.request.path = handler.request.path
        self.request.META = {
            "REMOTE_ADDR": remote_address(handler.request.remote_ip, handler.request.headers),
            "HTTP_USER_AGENT": handler.request.headers.get("User-Agent", ""),
        }
        self.request.session = SessionStore(self.session_key)

    def administrator(self) -> User | None:
        """The superuser who sends this request. Raises HTTPError 403 for somebody else who is known or locked out."""
        user = self._by_session() or self._by_cookie() or self._by_password()
        if user is None:
            return None
        if not (user.is_active and user.is_superuser):
            raise HTTPError(HTTPStatus.FORBIDDEN, "Background work is for administrators.")
        return user

    def _by_session(self) -> User | None:
        if not self.session_key:
            return None
        user = get_user(self.request)
        return user if isinstance(user, User) and user.is_superuser else None

    def _by_cookie(self) -> User | None:
        if not self.signed:
            return None
        key, proof = json.loads(self.signed)
        user = get_user_model().objects.filter(pk=key).first()
        return user if user and constant_time_compare(proof, user.get_session_auth_hash()) else None

    def _by_password(self) -> User | None:
        given = basic_credentials(self.authorization)
        if given is None:
            return None
        user = authenticate(self.request, username=given[0], password=given[1])
        if user is None and getattr(self.request, "axes_locked_out", False):
            raise HTTPError(HTTPStatus.FORBIDDEN, "Too many failed logins. Try again later.")
        if user is not None:
            user_logged_in.send(sender=user.__class__, request=self.request, user=user)
        return user


def remote_address(connected: str | None, headers: Mapping[str, str]) -> str | None:
    """Who asks, for the lock-out: behind a proxy, what that proxy added last to X-Forwarded-For.

    Tornado's own rule would believe X-Real-Ip, which most proxies pass on as the visitor wrote it.
    """
    forwarded = headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() if settings.BEHIND_PROXY else ""
    return forwarded if is_valid_ip(forwarded) else connected


def basic_credentials(header: str) -> tuple[str, str] | None:
    """User name and password of an ``Authorization: Basic`` header; None when it is anything else."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, separator, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if separator and "\x00" not in name + password else None


def identify(visitor: Visitor) -> User | None:
    close_old_connections()
    try:
        return visitor.administrator()
    finally:
        close_old_connections()


class AdministratorsOnly(RequestHandler):
    """Goes before every handler of Flower: without an administrator no code of the page runs."""

    async def prepare(self) -> None:
        if self.request.path not in OPEN_PATHS:
            await self._require_administrator()
        rest = super().prepare()
        if rest is not None:
            await rest

    async def _require_administrator(self) -> None:
        user = await sync_to_async(identify, thread_sensitive=False)(Visitor(self))
        if user is None:
            raise HTTPError(HTTPStatus.UNAUTHORIZED)
        proof = json.dumps([user.pk, user.get_session_auth_hash()])
        self.set_secure_cookie(
            COOKIE, proof, expires_days=None, httponly=True, samesite="Strict", secure=settings.SESSION_COOKIE_SECURE
        )
        self.current_user = user.get_username()

    def get_current_user(self) -> Any:
        """Nobody, until ``prepare`` has said who it is; Flower's own rules are not asked."""
        return None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A refusal is one line of text; anything else is Flower's to tell."""
        if status_code not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            super().write_error(status_code, **kwargs)
            return
        error = kwargs.get("exc_info", (None, None))[1]
        if status_code == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", 'Basic realm="Background work", charset="UTF-8"')
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(getattr(error, "log_message", None) or "An administrator's login is needed.")


@functools.cache
def guarded(handler: type[RequestHandler]) -> type[RequestHandler]:
    return type(f"Guarded{handler.__name__}", (AdministratorsOnly, handler), {})


class GuardedFlower(Flower):
    """Flower whose every address, static files and unknown ones too, asks for an administrator first."""

    def get_handler_delegate(self, request: Any, target_class: Any, *args: Any, **kwargs: Any) -> Any:
        if target_class is LoginHandler:  # makes an instance of another class, past the guard; it logs nobody in here
            target_class = NotFoundErrorHandler
        return super().get_handler_delegate(request, guarded(target_class), *args, **kwargs)


def build(port: int, address: str) -> GuardedFlower:
    """Flower set up for this installation; not yet listening."""
    options.port, options.address = port, address
    options.auth = "an administrator"  # switches on Flower's check of the form token; who it is, we decide
    options.xheaders = False  # see remote_address
    secret = hashlib.sha256(f"flower:{settings.SECRET_KEY}".encode()).hexdigest()
    return GuardedFlower(capp=celery_app, options=options, **{**flower.urls.settings, "cookie_secret": secret})
