"""What the demo has none of, so that each page has something on it: made through the API, as a program would."""

from __future__ import annotations

from typing import Any

import httpx

from browser.installation import PASSWORDS
from portfolio_site.testing import BASE_DIR, wait_until

HALVES = [{"asset": "AAPL", "weight": "0.5"}, {"asset": "JPM", "weight": "0.5"}]
DIVIDEND = {"kind": "cash_dividend", "ex_date": "2022-12-01", "cash": "0.10", "currency": "USD"}
DEPOSIT = {
    "name": "Savings bond",
    "principal": "1000",
    "rate": "0.03",
    "started_on": "2022-06-01",
    "matures_on": "2023-06-01",
}
GOAL = {"name": "House", "amount": "500000", "due_on": "2060-01-01", "start_on": "2020-01-01"}
AFTER_SECONDS = 300.0


def furnish(address: str) -> None:
    """An optimisation, a proposal to rebalance, a goal, a report, what a household has besides, an upload, and a
    corporate action.

    Done once: asked again of the same server, the same keys get the first answers.
    """
    with _api(address, "demo") as demo:
        portfolio = demo.get("/portfolios/").json()["results"][0]["id"]
        _post(demo, f"/portfolios/{portfolio}/optimise/", {"objective": "min_variance"})
        _post(demo, f"/portfolios/{portfolio}/rebalance/", {"targets": HALVES, "save": True})
        _post(demo, f"/api/portfolios/{portfolio}/goals/", GOAL)
        _post(demo, "/api/banking/possessions/", {"name": "Weekend house", "value": "250000", "day": "2020-01-02"})
        watchlist = _post(demo, "/api/watchlists/", {"name": "To watch"})["id"]
        _post(demo, f"/api/watchlists/{watchlist}/entries/", {"asset": "KO", "target_price": "50"})
        _post(demo, "/api/banking/tags/", {"name": "Paid back"})
        _post(demo, "/api/banking/categories/", {"name": "Model railway", "section": "expense"})
        account = next(
            row for row in demo.get("/api/banking/accounts/").json()["results"] if row["iban"].startswith("DE")
        )
        _post(demo, "/api/banking/deposits/", DEPOSIT | {"returns_to": account["id"]})
        if not demo.get("/api/imports/").json()["count"]:
            file = (BASE_DIR / "fixtures" / "transactions.csv").read_bytes()
            demo.post("/api/imports/", files={"file": ("transactions.csv", file)}).raise_for_status()
        _order_report(address)
        wait_until(lambda: _is_idle(demo), AFTER_SECONDS, "the optimisation and the import are worked out")
    with _api(address, "admin") as admin:
        _post(admin, "/api/assets/AMZN/actions/", DIVIDEND)


def _api(address: str, user: str) -> httpx.Client:
    login = {"username": user, "password": PASSWORDS[user]}
    token = httpx.post(f"{address}/api/auth/token", data=login, timeout=60).raise_for_status().json()["access_token"]
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def _order_report(address: str) -> None:
    """The PDF of a report that a worker makes. There is no API of it, so the form is sent."""
    with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as visitor:
        given = {"username": "demo", "password": PASSWORDS["demo"]}
        for path, form in (("/login/", given), ("/reports/tax/?year=2021", {})):
            visitor.get(path)
            token = {"csrfmiddlewaretoken": visitor.cookies["csrftoken"]}
            visitor.post(path, data=form | token).raise_for_status()


def _post(api: httpx.Client, url: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(url, json=body, headers=_key(url))
    assert answer.is_success, (url, answer.text)
    return dict(answer.json())


def _key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": f"furniture{name.replace('/', '-')}"}


def _is_idle(api: httpx.Client) -> bool:
    return all(job["finished_at"] for job in api.get("/api/jobs/").json()["results"])
