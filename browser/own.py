"""What a test needs of its own: a portfolio that nobody else looks at, made through the API and deleted again."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from browser.installation import PASSWORDS


@dataclass(frozen=True)
class Api:
    """The server's API, as ``user`` of the demo."""

    address: str
    token: str

    @classmethod
    def of(cls, address: str, user: str = "demo") -> Api:
        login = urlencode({"username": user, "password": PASSWORDS[user]}).encode()
        with urllib.request.urlopen(f"{address}/api/auth/token", data=login, timeout=60) as answer:
            return cls(address, json.load(answer)["access_token"])

    def ask(self, method: str, path: str, data: dict[str, Any] | None = None) -> Any:
        """What is answered, read as JSON; raises urllib.error.HTTPError where it is refused."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = json.dumps(data).encode() if data is not None else None
        request = urllib.request.Request(f"{self.address}{path}", data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    @contextmanager
    def portfolio(self, name: str, **terms: Any) -> Iterator[int]:
        """Yields the id of a portfolio that is deleted at the end."""
        made = self.ask("POST", "/portfolios/", {"name": name, "base_currency": "USD", **terms})["id"]
        try:
            yield made
        finally:
            self.ask("DELETE", f"/portfolios/{made}/")

    @contextmanager
    def two_lots(self, name: str) -> Iterator[int]:
        """Yields the id of a portfolio with two lots of AAPL that can be picked, at 20 of 2014 and at 57 of 2020."""
        with self.portfolio(name, cost_method="specific") as portfolio:
            self.buy(portfolio, "AAPL", "10", "20", "2014-10-16")
            self.buy(portfolio, "AAPL", "10", "57", "2020-03-24")
            yield portfolio

    def delete_portfolio(self, name: str) -> None:
        """Every portfolio of that name."""
        for portfolio in self.ask("GET", "/portfolios/")["results"]:
            if portfolio["name"] == name:
                self.ask("DELETE", f"/portfolios/{portfolio['id']}/")

    def buy(self, portfolio: int, symbol: str, quantity: str, price: str, day: str) -> int:
        """Returns the trade's id."""
        terms = {"kind": "buy", "asset": symbol, "quantity": quantity, "price": price, "traded_at": f"{day}T15:30:00Z"}
        return int(self.ask("POST", f"/portfolios/{portfolio}/trades/", terms)["id"])
