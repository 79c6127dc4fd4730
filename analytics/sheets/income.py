"""The income of a period as a sheet: a picture by month, and sums by month, asset, kind and year."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from analytics.reporting.periods import Period
from analytics.reporting.sheet import Bars, Column, Row, Sheet, Table, steps
from analytics.sheets import words
from assets.models import PriceBasis
from core.money import total
from portfolios.models import Investment, Portfolio
from portfolios.queries.income import ACCRUED, COUPON, DIVIDEND, OTHER, Earning, Earnings
from portfolios.templatetags.money import amount, signed_amount

KINDS: dict[str, Promise] = {
    DIVIDEND: lazy("Dividends"),
    COUPON: lazy("Coupons"),
    ACCRUED: lazy("Accrued interest of trades"),
    OTHER: lazy("Interest and other"),
}
MOST_BARS = 60
KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Sums:
    """What a group of earnings came to, in the base currency: by kind, in all, and the tax withheld of it."""

    kinds: Mapping[str, Decimal]
    gross: Decimal
    withheld: Decimal

    @classmethod
    def of(cls, rows: Sequence[Earning]) -> Sums:
        kinds = {kind: total(row.amount for row in rows if row.kind == kind) for kind in KINDS}
        return cls(kinds, total(row.amount for row in rows), total(row.withheld for row in rows))

    @property
    def net(self) -> Decimal:
        return self.gross - self.withheld


def grouped(found: Earnings, key: Callable[[Earning], KeyT]) -> dict[KeyT, Sums]:
    """The sums of each group, in the order of their keys."""
    groups: dict[KeyT, list[Earning]] = defaultdict(list)
    for row in found.rows:
        groups[key(row)].append(row)
    return {each: Sums.of(groups[each]) for each in sorted(groups)}  # type: ignore[type-var]  # days and texts


def by_month(found: Earnings) -> dict[date, Sums]:
    return grouped(found, lambda row: row.day.replace(day=1))


def by_asset(found: Earnings) -> dict[str, Sums]:
    return grouped(found, lambda row: found.symbol(row.asset_id))


def by_year(found: Earnings) -> dict[int, Sums]:
    return grouped(found, lambda row: row.day.year)


def sheet(found: Earnings, portfolio: Portfolio, period: Period, language: str) -> Sheet:
    picture = bars(found, portfolio)
    return Sheet(
        title=_("Income %(period)s") % {"period": words.period_name(period)},
        subject=words.subject(portfolio),
        author=words.holder(portfolio),
        facts=[
            (_("Portfolio"), portfolio.name),
            (_("Owner"), words.holder(portfolio)),
            (_("Days"), _("%(start)s – %(end)s") % {"start": words.day(period.start), "end": words.day(period.end)}),
            (_("Currency"), portfolio.base_currency),
        ],
        sections=[*([picture] if picture else []), *tables(found, portfolio)],
        notes=notes(portfolio),
        foot=words.foot(period.end),
        language=language,
        page=_("Page {number} of {count}"),
        missing=_("Characters that this document’s font lacks are shown as □."),
    )


def notes(portfolio: Portfolio) -> list[str]:
    """How the amounts are counted; one query."""
    said = [
        _(
            "Dividends and coupons count gross on their ex-date, at that day’s exchange rate; "
            "tax that was kept back stands beside them."
        ),
        _("Accrued interest counts on the day of its trade: negative where a purchase paid it."),
    ]
    if Investment.objects.filter(portfolio=portfolio, asset__price_basis=PriceBasis.TOTAL_RETURN).exists():
        said.append(
            _(
                "Some securities of this portfolio have “dividends included in price”: "
                "what they paid is in their gains, and not here."
            )
        )
    return said


def bars(found: Earnings, portfolio: Portfolio) -> Bars | None:
    """The gross income of each month, with months without any between; of each year where there are many months."""
    months = {month: sums.gross for month, sums in by_month(found).items()}
    if not months:
        return None
    first, last = min(months), max(months)
    spanned = [date(place // 12, place % 12 + 1, 1) for place in range(_place(first), _place(last) + 1)]
    if len(spanned) > MOST_BARS:
        years = by_year(found)
        every = list(range(first.year, last.year + 1))
        names, values = (
            [str(year) for year in every],
            [float(years[year].gross) if year in years else 0.0 for year in every],
        )
    else:
        names = [date_format(month, "M Y") for month in spanned]
        values = [float(months.get(month, 0)) for month in spanned]
    base = portfolio.base_currency
    best = max(range(len(values)), key=values.__getitem__)
    sentence = _("Most in %(name)s: %(amount)s.") % {
        "name": names[best],
        "amount": words.money(Decimal(repr(values[best])), base),
    }
    levels = [(each, words.level(each, base)) for each in steps([0.0, *values])]
    return Bars(_("Income, in %(currency)s") % {"currency": base}, names, values, levels, sentence)


def _place(month: date) -> int:
    return month.year * 12 + month.month - 1


def tables(found: Earnings, portfolio: Portfolio) -> list[Table]:
    """By asset, by year where there are several, and by month."""
    base, years = portfolio.base_currency, by_year(found)
    names = {asset.symbol: asset.name for asset in found.assets.values()}
    assets = [
        (symbol or str(_("Interest and other, of no security")), names.get(symbol, ""), symbol, sums)
        for symbol, sums in by_asset(found).items()
    ]
    months = [(date_format(month, "F Y"), sums) for month, sums in by_month(found).items()]
    made = [_by_asset(found, assets, base)]
    if len(years) > 1:
        made.append(_sums(_("By year"), _("Year"), [(str(year), sums) for year, sums in years.items()], found, base))
    return [*made, _sums(_("By month"), _("Month"), months, found, base)]


def _by_asset(found: Earnings, assets: Iterable[tuple[str, str, str, Sums]], base: str) -> Table:
    columns = [Column(_("Symbol"), words=True), Column(_("Name"), words=True), *_columns(found)]
    rows = [Row([symbol, name, *_cells(sums, found, base)], asset=asset) for symbol, name, asset, sums in assets]
    if rows:
        rows.append(Row([_("Total"), "", *_cells(Sums.of(found.rows), found, base)], strong=True))
    return Table(_("By security"), columns, rows, _in(base), _empty())


def _sums(title: str, head: str, groups: Iterable[tuple[str, Sums]], found: Earnings, base: str) -> Table:
    rows = [Row([name, *_cells(sums, found, base)]) for name, sums in groups]
    if rows:
        rows.append(Row([_("Total"), *_cells(Sums.of(found.rows), found, base)], strong=True))
    return Table(title, [Column(head, words=True), *_columns(found)], rows, _in(base), _empty())


def _in(base: str) -> str:
    return _("In %(currency)s") % {"currency": base}


def _empty() -> str:
    return _("Nothing was earned in these days.")


def _kinds(found: Earnings) -> list[str]:
    there = {row.kind for row in found.rows}
    return [kind for kind in KINDS if kind in there]


def _columns(found: Earnings) -> list[Column]:
    return [
        *(Column(str(KINDS[kind])) for kind in _kinds(found)),
        Column(_("Gross")),
        Column(_("Withheld")),
        Column(_("Net")),
    ]


def _cells(sums: Sums, found: Earnings, base: str) -> list[str]:
    parts = [signed_amount(sums.kinds[kind], base) if sums.kinds[kind] else "–" for kind in _kinds(found)]
    return [
        *parts,
        amount(sums.gross, base),
        amount(sums.withheld, base) if sums.withheld else "–",
        amount(sums.net, base),
    ]
