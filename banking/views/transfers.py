"""Transfers as a list, and rows that may be one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import View
from django.views.decorators.http import require_safe

from banking.models import Account, CashTransaction, Transfer
from banking.queries.matches import suggestions
from banking.queries.transfers import seen_transfers
from banking.services.matching import match_transfer, match_unique, refuse_match, unmatch_transfer
from banking.services.transfers import restore_transfer, void_transfer
from banking.views.base import caller, editable, private
from banking.views.sections import section_page
from core.errors import DomainError
from core.web import Right, bad_request, login_needed, obtain, paging
from users.day import day_shown

PAGE_SIZE = 50
WINDOW = timedelta(days=120)  # how far back transfers are looked for


@require_safe
@login_needed
def transfer_list(request: HttpRequest) -> HttpResponse:
    """What was moved up to the day shown, the newest first."""
    rows = seen_transfers(caller(request)).order_by("-sent__booked_on", "-pk")
    day = day_shown(request)
    rows = rows if day is None else rows.filter(sent__booked_on__lte=day)
    pages = paging(request, rows.count(), PAGE_SIZE)
    books = set(editable(request).values_list("pk", flat=True))
    found = [(row, {row.sent.account_id, row.received.account_id} <= books) for row in rows[pages.start : pages.stop]]
    return render(request, "banking/transfers.html", section_page("transfers") | {"rows": found, "pages": pages})


@private
class TransferView(View):
    """What is done with one transfer: ``action`` is "void", "restore" or "unmatch"."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        transfer = obtain(Transfer.objects.all(), caller(request), Right.BOOK, pk=pk)
        actions: dict[str, tuple[Any, str]] = {
            "void": (void_transfer, _("The transfer was taken back.")),
            "restore": (restore_transfer, _("The transfer stands again.")),
            "unmatch": (unmatch_transfer, _("The two rows stand by themselves again.")),
        }
        wanted = actions.get(request.POST.get("action", ""))
        if wanted is None:
            return bad_request(request)
        act, told = wanted
        say(request, lambda: act(transfer=transfer, actor=caller(request)), told)
        return redirect("banking-transfers")


@private
class MatchesView(View):
    """Rows that may be one transfer. A POST matches or refuses two of them, or matches all that fit nothing else."""

    def get(self, request: HttpRequest) -> HttpResponse:
        since = timezone.now().date() - WINDOW
        found = suggestions(Account.objects.editable_by(caller(request)), since)
        pages = paging(request, len(found), PAGE_SIZE)
        context = {
            "rows": _named(found[pages.start : pages.stop]),
            "pages": pages,
            "unique": sum(pair.certainty == "unique" for pair in found),
            "since": since,
        }
        return render(request, "banking/matches.html", section_page("transfers") | context)

    def post(self, request: HttpRequest) -> HttpResponse:
        actor = caller(request)
        match request.POST.get("action", ""):
            case "all":
                accounts = Account.objects.editable_by(actor)
                made = match_unique(accounts=accounts, since=timezone.now().date() - WINDOW, actor=actor)
                said = ngettext("%(number)s transfer made.", "%(number)s transfers made.", len(made))
                messages.success(request, said % {"number": len(made)})
            case "match":
                sent, received = _two(request)
                say(
                    request,
                    lambda: match_transfer(sent=sent, received=received, actor=actor),
                    _("The rows are one transfer now."),
                )
            case "refuse":
                sent, received = _two(request)
                say(
                    request,
                    lambda: refuse_match(sent=sent, received=received, actor=actor),
                    _("They are not offered again."),
                )
            case _:
                return bad_request(request)
        return redirect("banking-matches")


def say(request: HttpRequest, act: Any, told: str) -> None:
    """Do it and say so, or why it was refused."""
    try:
        act()
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, told)


def _two(request: HttpRequest) -> tuple[CashTransaction, CashTransaction]:
    """The rows that the form names, which the caller may book. Raises Http404."""
    ids = [_number(request.POST.get(name, "")) for name in ("sent", "received")]
    sent, received = (obtain(CashTransaction.objects.all(), caller(request), Right.BOOK, pk=pk) for pk in ids)
    return sent, received


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0


def _named(found: list[Any]) -> list[dict[str, Any]]:
    """Each pair with its rows as they are in the database; one query."""
    ids = {pk for pair in found for pk in (pair.sent.id, pair.received.id)}
    rows = CashTransaction.objects.select_related("account").in_bulk(ids)
    return [{"pair": pair, "sent": rows[pair.sent.id], "received": rows[pair.received.id]} for pair in found]
