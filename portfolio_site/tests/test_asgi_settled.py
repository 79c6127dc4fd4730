"""What the server does once before its first request."""

from __future__ import annotations

import gc

from django.urls import resolve

from portfolio_site import asgi


def test_what_stays_is_out_of_the_collectors_way() -> None:
    gc.unfreeze()
    asgi.settle()
    assert gc.get_freeze_count() > 50_000
    assert resolve("/").url_name == "dashboard"
    gc.collect()
    gc.freeze()  # as conftest left it for the tests after this one
