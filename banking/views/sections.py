"""The pages of banking: which there are, and what each of them begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class Section(NamedTuple):
    """A page of banking. ``url_name`` is that of its URL; ``title`` its tab and its heading."""

    key: str
    title: _StrOrPromise
    url_name: str


SECTIONS = (
    Section("overview", _("Overview"), "banking"),
    Section("accounts", _("Accounts"), "banking-accounts"),
    Section("transactions", _("Transactions"), "banking-transactions"),
    Section("possessions", _("Possessions"), "banking-possessions"),
    Section("transfers", _("Transfers"), "banking-transfers"),
    Section("schedules", _("Scheduled"), "banking-schedules"),
    Section("categories", _("Categories"), "banking-categories"),
    Section("counterparties", _("Counterparties"), "banking-counterparties"),
    Section("tags", _("Tags"), "banking-tags"),
    Section("deposits", _("Term deposits"), "banking-deposits"),
    Section("rules", _("Rules"), "banking-rules"),
    Section("budgets", _("Budgets"), "banking-budgets"),
    Section("recurring", _("Recurring"), "banking-recurring"),
)


def section_page(key: str) -> dict[str, Any]:
    """What the page ``key`` begins with: the entry of the navigation, and the tabs."""
    [shown] = [section for section in SECTIONS if section.key == key]
    return {"section": "banking", "sections": SECTIONS, "shown": shown}
