"""A person without a mouse: walks from stop to stop, sees where the focus is, and types."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import CDPSession, Page, expect

MOST_STOPS = 150
LEAST_CONTRAST = 3
LOOK = Path(__file__).with_name("focus.js").read_text()


@dataclass(frozen=True)
class Stop:
    """What has the focus, as the browser tells a screen reader."""

    role: str
    name: str


class Keyboard:
    """The keys of a page. Every step fails where a person could not see the focus."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._session: CDPSession = page.context.new_cdp_session(page)

    @property
    def stop(self) -> Stop:
        """What has the focus now."""
        found = self._session.send("Runtime.evaluate", {"expression": "document.activeElement"})["result"]
        asked = {"objectId": found["objectId"], "fetchRelatives": False}
        [node] = self._session.send("Accessibility.getPartialAXTree", asked)["nodes"]
        said = [str(node.get(each, {}).get("value", "")).strip() for each in ("role", "name")]
        return Stop(*said)

    def to(self, name: str, role: str = "", *, back: bool = False) -> int:
        """Walk on until what has the focus is called ``name``, or begins so; returns the number of steps.

        It fails where a stop shows no focus, stands outside of the window, or no such stop comes.
        """
        passed = []
        for steps in range(1, MOST_STOPS + 1):
            self.press("Shift+Tab" if back else "Tab")
            stop = self._look()
            if self._stands_on(stop, name, role):
                return steps
            passed.append(stop.name)
        raise AssertionError(f"No stop is called {name!r} on {self.page.url}: {passed}")

    def _look(self) -> Stop:
        look = self.page.evaluate(LOOK)
        stop = self.stop
        assert not look["unseen"], f"The focus does not show on {look['unseen']}"
        assert look["contrast"] >= LEAST_CONTRAST, f"The focus on {stop} has a contrast of {look['contrast']:.1f}"
        assert look["inside"] or look["nowhere"], f"{stop} has the focus outside of the window"
        return stop

    def press(self, *keys: str) -> None:
        """One key after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        """Type ``text`` in place of what stands in the field."""
        self.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def choose(self, label: str) -> None:
        """Type the beginning of an option of the list that has the focus."""
        self.page.keyboard.type(label)
        chosen = self.page.evaluate("document.activeElement.selectedOptions[0].label")
        assert chosen.startswith(label), f"{chosen!r} is chosen"

    def follow(self, name: str, role: str = "", key: str = "Enter") -> None:
        """Walk to a link or a button and press it; ends once the next page is there."""
        self.to(name, role)
        self.go(key)

    def go(self, key: str = "Enter") -> None:
        """Press what has the focus, and wait for the page that follows."""
        with self.page.expect_navigation(wait_until="load"):
            self.press(key)

    def write_day(self, iso: str) -> None:
        """Into a field for a date, whose parts are in the order that the browser's system has."""
        year, month, day = iso.split("-")
        for typed in (f"{month}{day}{year}", f"{day}{month}{year}", f"{year}{month}{day}"):
            self.page.keyboard.type(typed)
            if self.page.evaluate("document.activeElement.value").startswith(iso):
                return
            self.press("ArrowLeft", "ArrowLeft")
        raise AssertionError(f"{iso} cannot be typed")

    def fill(self, name: str, text: str) -> None:
        """Walk to a field and write into it."""
        self.to(name)
        self.write(text)

    def is_on(self, name: str, role: str = "", within: float = 60) -> None:
        """Fails unless what has the focus is called ``name``, or begins so, after ``within`` seconds."""
        until = time.monotonic() + within
        while not self._stands_on(stop := self.stop, name, role):
            assert time.monotonic() < until, f"{stop} has the focus, not {role} {name!r}"
            self.page.wait_for_timeout(50)
        expect(self.page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)

    @staticmethod
    def _stands_on(stop: Stop, name: str, role: str) -> bool:
        return stop.name.startswith(name) and role in {"", stop.role}
