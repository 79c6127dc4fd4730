"""A proposal as plain values: what the API answers, what the page shows and, as JSON, what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from core.api import PLAIN_DECIMAL, plain
from core.money import quantise
from portfolios.book.lot_choice import Gain, Taxation
from portfolios.models import Disposal
from portfolios.queries.drift import Drift
from portfolios.services.rebalancing import Proposed, ProposedTrade, Request

WAYS = {"proposed": "gain", "method": "unpicked", "pro_rata": "spread", "least": "least"}
DAYS = {"as_of", "price_day", "opened_on"}
INSTANTS = {"traded_at"}
TEXTS = {"asset", "symbol", "name", "account_name", "overdrawn"}  # a symbol may look like a number


def as_values(proposed: Proposed) -> dict[str, Any]:
    """``proposed`` as nested dicts and lists of decimals, days and texts. Gains and sums are in ``currency``."""
    plan, base = proposed.plan, proposed.portfolio.base_currency
    gain = proposed.gains("gain")
    return {
        "portfolio": proposed.portfolio.pk,
        "currency": base,
        "as_of": proposed.as_of,
        "versions": {"portfolio": proposed.portfolio.version, "prices": proposed.price_version},
        "method": proposed.method,
        "long_term_days": proposed.taxation.long_term_days,
        "targets": _targets(proposed.request),
        "options": _options(proposed.request),
        "cash_before": plan.cash_before,
        "cash_after": plan.cash_after,
        "turnover": quantise(plan.turnover, base),
        "fees": quantise(proposed.fees, base),
        **_gain(gain, proposed.taxation),
        "comparison": {way: _gain(proposed.gains(name), proposed.taxation) for way, name in WAYS.items()},
        "trades": [_trade(trade, proposed.taxation) for trade in proposed.trades],
        "drift": [_drift(before, after) for before, after in zip(proposed.before, proposed.after, strict=True)],
        "overdrawn": list(proposed.overdrawn),
    }


def _targets(request: Request) -> list[dict[str, Any]]:
    return [
        {"asset": target.asset.symbol, "weight": target.weight, "lot_size": target.lot_size}
        for target in request.targets
    ]


def _options(request: Request) -> dict[str, Any]:
    options, taxation = request.options, request.taxation
    return {
        "mode": options.mode.value,
        "amount": options.amount,
        "use_cash": options.use_cash,
        "threshold": options.bands.width,
        "reach": options.bands.reach.value,
        "units": "whole" if request.whole else "fractional",
        "minimum": options.minimum,
        "fee_flat": options.fees.flat,
        "fee_rate": options.fees.fraction,
        "keep_others": request.keep_others,
        "short_rate": taxation.short_rate,
        "long_rate": taxation.long_rate,
        "objective": "tax" if taxation.by_tax else "gain",
    }


def _gain(gain: Gain, taxation: Taxation) -> dict[str, Any]:
    return {"gain_short": gain.short, "gain_long": gain.long, "gain": gain.total, "tax": taxation.due(gain)}


def _trade(trade: ProposedTrade, taxation: Taxation) -> dict[str, Any]:
    terms, order, account = trade.terms, trade.order, trade.terms.account
    return {
        "kind": terms.kind.value,
        "asset": terms.asset.symbol,
        "name": terms.asset.name,
        "quantity": terms.quantity,
        "price": terms.price,
        "price_currency": terms.price_currency,
        "price_day": trade.quoted.day,
        "price_source": trade.quoted.source,
        "settlement_currency": terms.trade_currency,
        "gross": order.gross,
        "fee": terms.fee,
        "accrued": order.accrued,
        "exchange_rate": terms.exchange_rate,
        "cash": order.cash,
        "traded_at": terms.traded_at,
        "account": account.pk if account else None,
        "account_name": account.name if account else "",
        "picked": [
            {"opened_by": pick.opened_by, "sequence": pick.sequence, "quantity": pick.quantity} for pick in terms.picks
        ],
        "lots": [_lot(taken) for taken in trade.taken],
        **_gain(trade.gain, taxation),
    }


def _lot(taken: Disposal) -> dict[str, Any]:
    """The part of one lot that is closed; amounts in the base currency."""
    return {
        "opened_by": taken.opened_by_id,
        "sequence": taken.sequence,
        "short": taken.short,
        "opened_on": taken.opened_on,
        "quantity": taken.quantity,
        "proceeds": taken.proceeds_base,
        "cost": taken.cost_base,
        "gain": taken.gain_base,
        "holding_days": taken.holding_days,
        "long_term": taken.long_term,
    }


def _drift(before: Drift, after: Drift) -> dict[str, Any]:
    return {
        "asset": before.symbol,
        "name": before.name,
        "value": before.value,
        "weight": before.weight,
        "target": before.target,
        "drift": before.drift,
        "outside": before.outside,
        "value_after": after.value,
        "weight_after": after.weight,
        "drift_after": after.drift,
        "outside_after": after.outside,
    }


def as_json(value: Any) -> Any:
    """Plain values as JSON keeps them: decimals as digits, days and instants in ISO 8601."""
    if isinstance(value, Mapping):
        return {name: as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def from_json(value: Any, name: str = "") -> Any:
    """What ``as_json`` kept, as plain values again."""
    if isinstance(value, Mapping):
        return {key: from_json(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [from_json(inner, name) for inner in value]
    if not isinstance(value, str) or name in TEXTS:
        return value
    if name in INSTANTS:
        return datetime.fromisoformat(value)
    if name in DAYS:
        return date.fromisoformat(value)
    return Decimal(value) if PLAIN_DECIMAL.fullmatch(value) else value
