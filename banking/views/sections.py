"""The pages of banking: which there are, and what each of them begins with."""

from __future__ import annotations

from typing import Any, NamedTuple


class Section(NamedTuple):
    """A page of banking. ``url_name`` is that of its URL; ``title`` its tab and its heading."""

    key: str
    title: str
    url_name: str


SECTIONS = (
    Section("overview", "Overview", "banking"),
    Section("accounts", "Accounts", "banking-accounts"),
    Section("transactions", "Transactions", "banking-transactions"),
    Section("possessions", "Possessions", "banking-possessions"),
    Section("transfers", "Transfers", "banking-transfers"),
    Section("schedules", "Scheduled", "banking-schedules"),
    Section("categories", "Categories", "banking-categories"),
    Section("counterparties", "Counterparties", "banking-counterparties"),
    Section("tags", "Tags", "banking-tags"),
    Section("deposits", "Term deposits", "banking-deposits"),
    Section("rules", "Rules", "banking-rules"),
    Section("budgets", "Budgets", "banking-budgets"),
    Section("recurring", "Recurring", "banking-recurring"),
)


def section_page(key: str) -> dict[str, Any]:
    """What the page ``key`` begins with: the entry of the navigation, and the tabs."""
    [shown] = [section for section in SECTIONS if section.key == key]
    return {"section": "banking", "sections": SECTIONS, "shown": shown}
