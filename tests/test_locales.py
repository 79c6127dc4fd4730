"""Every page in two languages: what scripts and forms read of it is the same in both."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import zip_longest

from django.test import Client

from tests.test_query_budgets import READS
from tests.world import World
from users.models import User

# What a script, a form or a link takes from a page; an input's own value is as somebody types it.
READ = (
    "href",
    "action",
    "datetime",
    "min",
    "max",
    "step",
    "d",
    *("x", "x1", "x2", "y", "y1", "y2", "cx", "cy", "r"),
    "width",
    "height",
    "points",
    "transform",
    "hx-get",
    "name",
)
# As its reader writes it, and the address that names the language. What scripts say stands in data-says-….
TYPED = {"data-value", "data-suggest", "data-decimal", "data-group", "data-percent", "data-label", "data-definitions"}


class Attributes(HTMLParser):
    """What is machine-readable of a page, in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str | None]] = []
        self.language = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.language = given.get("lang") or self.language
        if given.get("name") in ("csrfmiddlewaretoken", "key"):
            return
        dates = tag == "input" and given.get("type") in ("date", "datetime-local", "hidden", "number")
        written = (name for name in given if name.startswith("data-") and not name.startswith("data-says-"))
        names = [*(name for name in given if name in READ), *(name for name in written if name not in TYPED)]
        self.found += [
            (tag, name, given[name]) for name in [*names, *(["value"] if dates and "value" in given else [])]
        ]


def test_scripts_and_forms_read_the_same_in_every_language(world: World) -> None:
    world.owner.is_staff = world.owner.is_superuser = True
    world.owner.save()
    pages = [each for each in READS if not each.is_api]
    browser = Client()
    browser.force_login(world.owner)
    differing, languages = {}, set()
    for page in pages:
        shown = []
        for locale in ("en", "de"):
            User.objects.filter(pk=world.owner.pk).update(locale=locale)
            answer = browser.get(page.url(world.ids), {"portfolio": world.portfolio.pk})
            html = answer.content.decode() if not answer.streaming and "html" in answer["Content-Type"] else ""
            shown.append(Attributes(html))
        languages.add(shown[1].language)
        pairs = zip_longest(shown[0].found, shown[1].found)
        if different := [pair for pair in pairs if pair[0] != pair[1]]:
            differing[page.name] = different[:3]
    assert differing == {}
    assert "de" in languages
