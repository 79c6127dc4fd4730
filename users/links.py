"""Addresses that leave the server: the one in an invitation."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.urls import reverse


def link_of(request: HttpRequest) -> Callable[[str], str]:
    """What makes the address of an invitation's page from its secret, at the name by which the server was asked."""
    return lambda secret: request.build_absolute_uri(reverse("invitation", args=[secret]))
