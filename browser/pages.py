"""Every page of the server, with whose it is and how one gets there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Page

User = str | None


@dataclass(frozen=True)
class Place:
    """A page by the name of its URL. ``at`` is its path or, where that has a number in it, the page with a link to it;
    then ``link`` is what the link's path is like, and ``then`` what follows it.
    """

    view: str
    at: str
    user: User = "demo"
    link: str = ""
    then: str = ""

    def __str__(self) -> str:
        where = re.sub(r"\W+", "-", f"{self.link or self.at}{self.then}").strip("-")
        return f"{self.user or 'nobody'}-{self.view}-{where}"

    def path(self, page: Page) -> str:
        """Where it is on this server; looks for the link with ``page`` if it must."""
        if not self.link:
            return self.at
        page.goto(self.at)
        links = page.locator("a[href]").evaluate_all("all => all.map(each => each.getAttribute('href'))")
        found = next((each for each in links if re.fullmatch(rf"{self.link}(\?.*)?", each)), None)
        assert found, f"{self.at} has no link like {self.link}"
        return found.partition("?")[0] + self.then if self.then else found


NOBODYS = [
    Place("login", "/login/", None),
    Place("login", "/login/?next=/holdings/", None),
    Place("docs", "/docs", None),
    Place("methods", "/methods/", None),
]
MONEY = [
    Place("dashboard", "/"),
    Place("dashboard", "/?portfolio=all"),
    Place("dashboard", "/?as_of=2020-03-20"),
    Place("holdings", "/holdings/?as_of="),  # back to today
    Place("holdings", "/holdings/?group=sector"),
    Place("holding", "/holdings/AAPL/"),
    Place("holding", "/holdings/", link="/holdings/JPM/"),
    Place("asset-page", "/assets/MSFT/"),
    Place("search", "/search/?q=a"),
    Place("search", "/search/?q=zzzz"),
    Place("transactions", "/transactions/"),
    Place("transactions", "/transactions/?kind=sell"),
    Place("trade-page", "/transactions/", link=r"/transactions/\d+/"),
    Place("trade-edit", "/transactions/", link=r"/transactions/\d+/", then="edit/"),
    Place("trade-void-page", "/transactions/", link=r"/transactions/\d+/", then="void/"),
    Place("trade-new", "/transactions/new/"),
    Place("trade-new", "/transactions/new/?kind=sell&asset=AAPL"),
    Place("portfolio-new", "/portfolio/new/"),
    Place("portfolio-sharing", "/", link=r"/portfolio/\d+/sharing/"),
    Place("imports", "/imports/"),
    Place("import-page", "/imports/", link=r"/imports/\d+/"),
    Place("import-columns", "/imports/", link=r"/imports/\d+/", then="columns/"),
    Place("jobs", "/jobs/"),
    Place("watchlists", "/watchlist/"),
]
ANALYTICS = [
    Place("analytics-risk", "/analytics/risk/"),
    Place("analytics-history", "/analytics/history/"),
    Place("analytics-var", "/analytics/var/"),
    Place("analytics-factors", "/analytics/factors/"),
    Place("analytics-stress", "/analytics/stress/"),
    Place("analytics-correlation", "/analytics/correlation/"),
    Place("analytics-optimiser", "/analytics/optimiser/"),
    Place("optimisation-run", "/analytics/optimiser/", link=r"/analytics/optimiser/\d+/"),
    Place("analytics-rebalancing", "/analytics/rebalancing/?fill=equal"),
    Place("rebalancing-proposal", "/analytics/rebalancing/", link=r"/analytics/rebalancing/\d+/"),
    Place("rebalancing-book-page", "/analytics/rebalancing/", link=r"/analytics/rebalancing/\d+/", then="book/"),
    Place("explain", "/explain/sharpe_ratio/"),
    Place("explain", "/explain/total_value/"),
    Place("reports", "/reports/"),
    Place("report-file", "/reports/", link=r"/reports/files/\d+/"),
    Place("statement-page", "/reports/statement/?period=2021"),
    Place("income-page", "/reports/income/?period=all"),
    Place("tax-report-page", "/reports/tax/?year=2021"),
]
SETTINGS = [
    Place("settings", "/settings/"),
    Place("settings-display", "/settings/display/"),
    Place("settings-security", "/settings/security/"),
    Place("portfolio-settings", "/settings/portfolio/"),
    Place("method-page", "/settings/cost-method/"),
    Place("goal-new", "/settings/goals/"),
    Place("goal-page", "/settings/portfolio/", link=r"/settings/goals/\d+/"),
]
BANKING = [
    Place("banking", "/banking/"),
    Place("banking-accounts", "/banking/accounts/"),
    Place("banking-account", "/banking/accounts/", link=r"/banking/accounts/\d+/"),
    Place("banking-account-edit", "/banking/accounts/", link=r"/banking/accounts/\d+/", then="edit/"),
    Place("account-sharing", "/banking/accounts/", link=r"/banking/accounts/\d+/", then="sharing/"),
    Place("banking-account-new", "/banking/accounts/new/"),
    Place("banking-transactions", "/banking/transactions/"),
    Place("banking-transaction", "/banking/transactions/", link=r"/banking/transactions/\d+/"),
    Place("banking-transfers", "/banking/transfers/"),
    Place("banking-pay", "/banking/transfers/new/"),
    Place("banking-matches", "/banking/transfers/matches/"),
    Place("banking-schedules", "/banking/schedules/"),
    Place("banking-possessions", "/banking/possessions/"),
    Place("banking-possession", "/banking/possessions/", link=r"/banking/possessions/\d+/"),
    Place("banking-categories", "/banking/categories/"),
    Place("banking-category", "/banking/categories/", link=r"/banking/categories/\d+/"),
    Place(
        "banking-transaction-category", "/banking/transactions/", link=r"/banking/transactions/\d+/", then="category/"
    ),
    Place("banking-counterparties", "/banking/counterparties/"),
    Place("banking-counterparty", "/banking/counterparties/", link=r"/banking/counterparties/\d+/"),
    Place("banking-tags", "/banking/tags/"),
    Place("banking-tag", "/banking/tags/", link=r"/banking/tags/\d+/"),
    Place("banking-deposits", "/banking/deposits/"),
    Place("banking-rules", "/banking/rules/"),
    Place("banking-rule", "/banking/rules/", link=r"/banking/rules/\d+/"),
    Place("banking-budgets", "/banking/budgets/"),
    Place("banking-budget", "/banking/budgets/", link=r"/banking/budgets/\d+/"),
    Place("banking-recurring", "/banking/recurring/"),
]
MANAGERS = [
    Place("dashboard", "/", "manager"),
    Place("organisations", "/organisations/", "manager"),
    Place("organisation", "/organisations/", "manager", r"/organisation/\d+/"),
    Place("people", "/organisations/", "manager", r"/organisation/\d+/people/"),
    Place("portfolio-sharing", "/", "manager", r"/portfolio/\d+/sharing/"),
]
ADMINS = [
    Place("dashboard", "/", "admin"),
    Place("holdings", "/holdings/", "admin"),
    Place("transactions", "/transactions/", "admin"),
    Place("banking", "/banking/", "admin"),
    Place("banking-transactions", "/banking/transactions/", "admin"),
    Place("bank", "/bank-admin/", "admin"),
    Place("bank-flags", "/bank-admin/flags/", "admin"),
    Place("bank-person", "/bank-admin/", "admin", r"/bank-admin/people/\d+/"),
    Place("bank-organisation", "/bank-admin/", "admin", r"/bank-admin/organisations/\d+/"),
    Place("action-page-list", "/corporate-actions/", "admin"),
    Place("action-page-void", "/corporate-actions/", "admin", r"/corporate-actions/\d+/void/"),
    Place("action-page-new", "/corporate-actions/new/", "admin"),
    Place("action-page-new", "/corporate-actions/new/?kind=merger", "admin"),
    Place("proposals", "/market/actions/", "admin"),
    Place("prices", "/market/prices/", "admin"),
    Place("providers", "/market/providers/", "admin"),
    Place("quarantine", "/market/quarantine/", "admin"),
    Place("factor-sets", "/market/factors/", "admin"),
]
PLACES = [*NOBODYS, *MONEY, *ANALYTICS, *SETTINGS, *BANKING, *MANAGERS, *ADMINS]

# What answers to GET and is no page of its own: parts of pages, files, ways elsewhere; and what takes a trade or an
# action that was voided, or the secret of an invitation, to be one.
NO_PAGES = {
    *("risk-card", "risk-figures", "var-card", "rolling-card"),
    *("value-card", "all-value-card", "allocation-card", "all-allocation-card"),
    *("jobs-under-way", "search-list", "asset-options", "definitions"),
    *("report-download", "import-errors", "organisation-expenses", "favicon.ico"),
    *("analytics", "docs/"),
    *("trade-restore-page", "action-page-restore", "invitation"),
}
