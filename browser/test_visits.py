"""Who visits is logged in, and what the browser complains about is noticed."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser.visits import Complaints, Visit


@pytest.mark.parametrize("user", ["demo", "manager", "admin"])
def test_people_log_in(visit: Visit, user: str) -> None:
    page = visit(user, "phone", "dark")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]") == [360, True]


@pytest.mark.parametrize(
    ("provoke", "said"),
    [
        ("console.error('broken')", "broken"),
        ("console.warn('odd')", "odd"),
        ("setTimeout(() => { throw new Error('thrown') })", "thrown"),
        (
            "document.body.append(Object.assign(document.createElement('script'), {text: 1}))",
            "Content Security Policy",
        ),
        ("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.2:1/x.png'}))", "asks another host"),
        ("fetch('/no-such-page/')", "404"),
    ],
)
def test_a_complaint_is_noticed(visit: Visit, complaints: Complaints, provoke: str, said: str) -> None:
    page = visit(None)
    page.goto("/login/")
    page.evaluate(f"() => {{ {provoke}; }}")
    heard = complaints.take()
    for _ in range(600):  # looks, a tenth of a second apart
        if said in " ".join(heard):
            break
        page.wait_for_timeout(100)
        heard += complaints.take()
    assert said in " ".join(heard)
