"""The report over everybody, computed off the request path, and the trail of who looked at whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from activity.models import Job
from activity.services import advance_job, finish_job, plan_job, record, start_job
from analytics.flags import Finding
from analytics.models import BankReport, HolderFigures
from analytics.queries.bank import by_category, counts, everybody, scopes, year_to
from analytics.queries.flags import CHUNK, account_findings, limits, portfolio_findings
from analytics.queries.net_worth import Holder, NetWorth, Part, everything, known_until, net_worth, nothing, total_of
from analytics.services.flags import follow
from banking.models import Account, CashTransaction
from core.errors import DomainError
from core.fields import MONEY_LIMIT, MoneyField, TooManyDigits
from portfolios.models import Portfolio
from users.models import Organisation, User

if TYPE_CHECKING:
    from django.db.models import Model

    from users.models import Owned

KIND = "bank report"
MOST_MISSING = 50
FAILED = "The report could not be computed; the server's log has the reason."


def ask_report(actor: User) -> Job:
    """A job for a report that was asked for; the caller has a worker begin."""
    return start_job(owner=actor, kind=KIND, total=0)


def compute_report(now: datetime, job_id: UUID | None = None) -> BankReport:
    """Look for risks, sum what everybody has as of the last day that is known, and take the last report's place.

    Safe to run twice or at once: the newest stays.
    """
    try:
        chunks = list(scopes())
        if job_id:
            plan_job(job_id, len(chunks) + 2)
        days = year_to(known_until(everything(), now.astimezone(UTC).date()))
        follow(_findings(days[-1]), now)
        _step(job_id)
        report = _store(_worths(chunks, days, job_id), days, now)
    except DomainError as error:
        if job_id:
            finish_job(job_id, error=error.message)
        raise
    except Exception:
        if job_id:
            finish_job(job_id, error=FAILED)
        raise
    if job_id:
        finish_job(job_id, result={"report": report.pk})
    return report


def look(*, actor: User, page: str, subject: Model | None = None, **shown: list[int]) -> None:
    """Write down that the bank's administrator looked at somebody's money; ``shown`` names those of a list.

    What is about nothing in particular is about who looked.
    """
    record(actor=actor, action="bank.looked", subject=subject or actor, data={"page": page, **shown})


def look_at(rows: Iterable[Owned], *, actor: User, page: str, subject: Model | None = None) -> None:
    """Write down a look at a list: one line that names everybody whose things are in it."""
    found = list(rows)
    people = sorted({row.owner_id for row in found if row.owner_id})
    firms = sorted({row.organisation_id for row in found if row.organisation_id})
    look(actor=actor, page=page, subject=subject, people=people, organisations=firms)


def _step(job_id: UUID | None) -> None:
    if job_id:
        advance_job(job_id)


def _findings(today: date) -> list[Finding]:
    limit, found = limits(), list[Finding]()
    ids = list(Portfolio.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        chunk = list(Portfolio.objects.filter(pk__in=ids[start : start + CHUNK]))
        found += portfolio_findings(chunk, today, limit)
    return [*found, *account_findings(today, limit)]


def _worths(chunks: Iterable[Any], days: Sequence[date], job_id: UUID | None) -> dict[Holder, NetWorth]:
    """Everybody who can log in, every organisation, and whoever else has something."""
    worths = {holder: nothing(days, settings.BANK_CURRENCY) for holder in everybody()}
    for scope in chunks:
        worths |= net_worth(scope, days, settings.BANK_CURRENCY)
        _step(job_id)
    return worths


@transaction.atomic
def _store(worths: dict[Holder, NetWorth], days: Sequence[date], now: datetime) -> BankReport:
    currency = settings.BANK_CURRENCY
    accounts, portfolios = counts(Account), counts(Portfolio)
    figures = {
        holder: _figures(holder, worth, accounts.get(holder, 0), portfolios.get(holder, 0))
        for holder, worth in worths.items()
    }
    kept = {holder: row for holder, row in figures.items() if _fits(row)}
    whole = total_of((worths[holder] for holder in kept), days, currency)
    rows = CashTransaction.objects.filter(account__employer__isnull=True)
    categories = by_category(rows, days[0].replace(day=1), days[-1], currency)
    report = BankReport.objects.create(
        as_of=days[-1],
        currency=currency,
        months=[_month(whole, place) for place in range(len(days))],
        categories=[[*each[:3], f"{each.amount:f}"] for each in categories],
        missing=[*_too_large(figures.keys() - kept.keys()), *sorted(set(whole.missing))][:MOST_MISSING],
        people=User.objects.filter(is_active=True).count(),
        organisations=Organisation.objects.count(),
        accounts=Account.objects.count(),
        portfolios=Portfolio.objects.count(),
        transactions=CashTransaction.objects.standing().count(),
        computed_at=now,
    )
    for row in kept.values():
        row.report = report
    HolderFigures.objects.bulk_create(kept.values(), batch_size=500)
    BankReport.objects.filter(computed_at__lt=now).delete()
    return report


def _month(whole: NetWorth, place: int) -> dict[str, str]:
    parts = {part.value: f"{amounts[place]:f}" for part, amounts in whole.parts.items()}
    return {"day": whole.days[place].isoformat(), **parts, "total": f"{whole.totals[place]:f}"}


def _figures(holder: Holder, worth: NetWorth, accounts: int, portfolios: int) -> HolderFigures:
    return HolderFigures(
        owner_id=holder.owner,
        organisation_id=holder.organisation,
        **{part.value: worth.parts[part][-1] for part in Part},
        total=worth.totals[-1],
        year_before=worth.totals[0],
        accounts=accounts,
        portfolios=portfolios,
    )


def _fits(row: HolderFigures) -> bool:
    """Whether the columns hold the figures: each amount of an account does, a sum or what it converts to may not."""
    for field in HolderFigures._meta.concrete_fields:  # noqa: SLF001  Django's public name for it
        if isinstance(field, MoneyField):
            value = getattr(row, field.attname)
            if abs(value) >= MONEY_LIMIT:
                return False
            try:
                field.get_db_prep_save(value, connection)
            except TooManyDigits:
                return False
    return True


def _too_large(holders: Iterable[Holder]) -> list[str]:
    found = set(holders)
    people = User.objects.filter(pk__in=[holder.owner for holder in found if holder.owner])
    firms = Organisation.objects.filter(pk__in=[holder.organisation for holder in found if holder.organisation])
    return [f"{name}: The amounts are too large to be kept." for name in sorted(map(str, [*people, *firms]))]
