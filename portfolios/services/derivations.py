"""Writing what follows from the facts: lots, disposals, income, investments. By difference, so few rows change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Model

from assets.models import CorporateAction
from core.errors import DomainError
from core.fields import MONEY_LIMIT, QUANTITY_LIMIT, MoneyField, QuantityField
from portfolios.book.types import Book, Position
from portfolios.book.types import Disposal as Realised
from portfolios.models import Departure, Disposal, Entitlement, Investment, Lot, Portfolio
from portfolios.queries import books_of, with_linked
from portfolios.services.entitlements import settle_entitlements

BATCH = 500
DERIVED: tuple[type[Model], ...] = (Disposal, Departure, Entitlement, Lot, Investment)

LIMITS: dict[type, Decimal] = {MoneyField: MONEY_LIMIT, QuantityField: QUANTITY_LIMIT}

Key = tuple[Any, ...]
Rows = dict[Key, tuple[Any, ...]]


class PositionTooLarge(DomainError):
    """The position would become larger than the books keep."""


@dataclass(frozen=True, slots=True)
class Table:
    """A derived table: the columns that name a row within a portfolio, the others, and its rows of one asset's book.

    ``unique`` are the fields of a constraint by which changed rows can be overwritten; without
    them a changed row is removed and written anew.
    """

    model: type[Model]
    key: Sequence[str]
    columns: Sequence[str]
    rows: Callable[[int, Book], Iterable[tuple[Any, ...]]]
    unique: Sequence[str] = ()


def _lots(asset_id: int, book: Book) -> Iterable[tuple[Any, ...]]:
    for lot in book.lots:
        figures = (lot.opened_quantity, lot.quantity, lot.cost, lot.cost_base)
        yield lot.opened_by, asset_id, lot.sequence, lot.opened_on, *figures, list(lot.actions)


def _disposals(asset_id: int, book: Book) -> Iterable[tuple[Any, ...]]:
    for made in book.disposals:
        lot = (made.opened_by, asset_id, made.sequence, made.short)
        amounts = (made.proceeds, made.cost, made.proceeds_base, made.cost_base, made.price_gain)
        yield *_closed_by(made), *lot, made.opened_on, made.closed_on, made.quantity, *amounts


def _closed_by(made: Realised) -> tuple[int | None, int | None]:
    """The trade, or else the action."""
    return (None, made.closed_by) if made.by_action else (made.closed_by, None)


def _departures(asset_id: int, book: Book) -> Iterable[tuple[Any, ...]]:
    for left in book.departures:
        lot = (left.opened_by, asset_id, left.sequence)
        yield left.left_by, *lot, left.opened_on, left.quantity, left.cost, left.cost_base


def _entitlements(asset_id: int, book: Book) -> Iterable[tuple[Any, ...]]:
    for due in book.entitlements:
        yield due.action, asset_id, due.quantity, due.gross, due.withholding, due.income, due.income_base


def _investments(asset_id: int, book: Book) -> Iterable[tuple[Any, ...]]:
    yield asset_id, *(getattr(book.position, name) for name in INVESTMENT)


LOT = ("opened_on", "opened_quantity", "quantity", "cost", "cost_base", "actions")
DISPOSAL = ("opened_on", "closed_on", "quantity", "proceeds", "cost", "proceeds_base", "cost_base", "price_gain")
INVESTMENT: tuple[str, ...] = ("quantity", "cost", "cost_base", "realised_gain", "realised_gain_base")
INVESTMENT += ("income", "income_base", "first_traded_on")
TABLES = (
    Table(Lot, ("opened_by_id", "asset_id", "sequence"), LOT, _lots, ("opened_by", "asset", "sequence")),
    Table(
        Disposal,
        ("trade_id", "action_id", "opened_by_id", "asset_id", "sequence", "short"),
        DISPOSAL,
        _disposals,
    ),
    Table(
        Departure,
        ("trade_id", "opened_by_id", "asset_id", "sequence"),
        ("opened_on", "quantity", "cost", "cost_base"),
        _departures,
    ),
    Table(
        Entitlement,
        ("action_id", "asset_id"),
        ("quantity", "gross", "withholding", "income", "income_base"),
        _entitlements,
        ("portfolio", "action"),
    ),
    Table(Investment, ("asset_id",), INVESTMENT, _investments, ("portfolio", "asset")),
)


def refold(portfolio: Portfolio, asset_ids: Collection[int]) -> None:
    """Fold these assets anew, and those that corporate actions link them to, and bring the derived rows in line.

    The number of queries does not depend on how many assets or trades there are, up to
    batches of 500 written rows. The caller holds the portfolio's lock, and its accounts' where its cash is
    tracked. Raises Refused, RateMissing.
    """
    keep_actions_away(asset_ids)
    scope, actions = with_linked(asset_ids)
    folded = books_of([portfolio], asset_ids=scope, actions=actions)
    books = {asset_id: book for (_, asset_id), book in folded.items()}
    check_sizes(books)
    for table in TABLES:
        rows = [row for asset_id, book in books.items() for row in table.rows(asset_id, book)]
        width = len(table.key)
        _write(portfolio, scope, table, {row[:width]: row[width:] for row in rows}, actions)
    settle_entitlements(portfolio, scope)


def keep_actions_away(asset_ids: Collection[int]) -> None:
    """Share a lock on the assets' rows until commit, so that no action is applied that this fold has not seen.

    ``apply_action`` locks them for itself. The foreign key of a new trade would do so too, but is checked at
    commit only. SQLite has one writer at a time.
    """
    if connection.vendor == "postgresql" and asset_ids:
        with connection.cursor() as cursor:
            ids = sorted(asset_ids)
            cursor.execute("SELECT 1 FROM assets_asset WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE", [ids])


def _write(
    portfolio: Portfolio, scope: Collection[int], table: Table, wanted: Rows, actions: Sequence[CorporateAction]
) -> None:
    """Make the rows of ``table`` within ``scope`` (asset ids) equal to ``wanted``: key values to column values."""
    objects = table.model._default_manager  # noqa: SLF001  Django's documented name
    width = len(table.key)
    stored: dict[Key, tuple[int, tuple[Any, ...]]] = {}
    of_assets = objects.filter(portfolio=portfolio, asset__in=scope).order_by()
    for pk, *values in of_assets.values_list("pk", *table.key, *table.columns):
        stored[tuple(values[:width])] = (pk, tuple(values[width:]))
    kept = {key for key in stored.keys() & wanted.keys() if table.unique or stored[key][1] == wanted[key]}
    stale = [pk for key, (pk, _) in stored.items() if key not in kept]
    for start in range(0, len(stale), BATCH):
        objects.filter(pk__in=stale[start : start + BATCH]).delete()
    by_id = {action.pk: action for action in actions}
    new = [
        _row(table, portfolio, key, values, by_id)
        for key, values in wanted.items()
        if key not in stored or stored[key][1] != values
    ]
    overwriting: dict[str, Any] = {
        "update_conflicts": True,
        "unique_fields": table.unique,
        "update_fields": table.columns,
    }
    _check_figures(table.model, new)
    objects.bulk_create(new, batch_size=BATCH, **(overwriting if table.unique else {}))


def _check_figures(model: type[Model], rows: Sequence[Model]) -> None:
    """Refuse a figure that its column cannot hold; a trade's own amounts are checked before, those of actions here."""
    for field in model._meta.concrete_fields:  # noqa: SLF001  Django's documented name
        limit = LIMITS.get(type(field))
        if limit is not None and any(abs(getattr(row, field.attname)) >= limit for row in rows):
            raise PositionTooLarge(field="quantity" if limit == QUANTITY_LIMIT else "price")


def _row(
    table: Table,
    portfolio: Portfolio,
    key: Key,
    values: tuple[Any, ...],
    actions: Mapping[int, CorporateAction],
) -> Model:
    given = dict(zip((*table.key, *table.columns), (*key, *values), strict=True))
    if table.model is Entitlement:
        action = actions[given.pop("action_id")]
        given |= {"action": action, "ex_date": action.ex_date, "pay_date": action.pay_date or action.ex_date}
        given["currency"] = action.currency or action.asset.currency
    return table.model(portfolio=portfolio, **given)


def derived(
    portfolio: Portfolio, books: Mapping[int, Book], actions: Sequence[CorporateAction]
) -> Iterator[tuple[type[Model], list[Model]]]:
    """Each derived table with its rows of ``books`` (asset id to book), not stored."""
    by_id = {action.pk: action for action in actions}
    for table in TABLES:
        width = len(table.key)
        rows = [row for asset_id, book in books.items() for row in table.rows(asset_id, book)]
        yield table.model, [_row(table, portfolio, row[:width], row[width:], by_id) for row in rows]


def check_sizes(books: Mapping[int, Book]) -> None:
    """Refuse books with a position that the columns cannot hold."""
    for book in books.values():
        _check_size(book.position)


def _check_size(position: Position) -> None:
    if abs(position.quantity) >= QUANTITY_LIMIT:
        raise PositionTooLarge(field="quantity")
    amounts = (position.cost, position.cost_base, position.realised_gain, position.realised_gain_base)
    if any(abs(amount) >= MONEY_LIMIT for amount in amounts) or not all(map(Decimal.is_finite, amounts)):
        raise PositionTooLarge(field="price")
