"""Every URL of the server with its methods."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("get", "post", "put", "patch", "delete")
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
STAFFS = (
    "corporate-actions/",
    "market/providers/",
    "market/quarantine/",
    "market/action-proposals/",
    "market/actions/",
    "market/prices/",
    "market/factors/",
    "bank-admin/",
    "api/bank/",
    "risk-flags/<pk>/decide/",
)


@dataclass(frozen=True)
class Endpoint:
    """One URL pattern. ``methods`` are those it answers other than with 405."""

    route: str
    name: str
    methods: tuple[str, ...]
    action: str

    @property
    def is_api(self) -> bool:
        return self.route.startswith(("api/", "portfolios/"))

    @property
    def is_private(self) -> bool:
        """Whether it names an object that belongs to somebody; prices are everybody's, a link's is whoever has it."""
        everybodys = (
            "secret>" in self.route
            or "symbol>" in self.route
            or "assets/" in self.route
            or self.route.startswith("api/factors/")
        )
        return "<" in self.route and not everybodys and not self.is_for_staff

    @property
    def is_for_staff(self) -> bool:
        """Where staff look after what is everybody's; a 403 for others, whatever it names."""
        return any(part in self.route for part in STAFFS)

    def url(self, ids: dict[str, Any]) -> str:
        """The path, with each parameter filled by the segment before it: trades/<int:pk>/ takes ids["trades"]."""
        segments = self.route.split("/")
        filled = [
            PARAMETER.sub(str(_named(ids, segments, place)), segment) if "<" in segment else segment
            for place, segment in enumerate(segments)
        ]
        return "/" + "/".join(filled)


def _named(ids: dict[str, Any], segments: list[str], place: int) -> Any:
    """What ids has for the segments around a parameter ("assets/bond"), for the two before it
    ("banking/transactions"), for the two lists that it is in ("accounts/*/shares"), for its own name ("secret"),
    else for the one before it.
    """
    before, own = segments[place - 1], PARAMETER.search(segments[place])
    names = (
        "/".join(segments[place - 2 : place]) if place > 1 else "",
        "/".join([before, *segments[place + 1 : place + 2]]),
        "/*/".join([*segments[max(place - 3, 0) : place - 2], before]),
        own[1] if own else "",
        before,
    )
    return next(ids[name] for name in names if name in ids)


def endpoints() -> list[Endpoint]:
    """Every pattern of the server's resolver but the admin's, which has tests of its own in Django."""
    return [
        Endpoint(route, pattern.name or route, _methods(pattern.callback), _action(pattern.callback))
        for route, pattern in _patterns(get_resolver().url_patterns, "")
        if not route.startswith("admin/")
    ]


def _patterns(entries: list[Any], prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        route = prefix + _plain(str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns, route)
        else:
            yield route, entry


def _plain(pattern: str) -> str:
    """A regular expression in the notation of path(), without the slash that may follow or not."""
    return re.sub(r"\(\?P<(\w+)>.*\)", r"<\1>", pattern).strip("^$").replace(r"\Z", "").replace("/?", "")


def _methods(view: Any) -> tuple[str, ...]:
    if actions := getattr(view, "actions", None):
        return tuple(method for method in METHODS if method in actions)
    if view_class := getattr(view, "cls", getattr(view, "view_class", None)):
        allowed = view_class.http_method_names
        return tuple(method for method in METHODS if method in allowed and hasattr(view_class, method))
    return ("get",)


def _action(view: Any) -> str:
    actions: dict[str, str] = getattr(view, "actions", None) or {}
    return actions.get("get", "")
