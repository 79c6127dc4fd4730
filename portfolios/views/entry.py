"""Entering a trade and editing one, with a live preview of what it would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.views import View
from django.views.decorators.http import require_safe

from assets.models import Asset, AssetType
from core.errors import DomainError
from core.money import major_currency, multiply
from core.web import Right, obtain
from portfolios.forms import TradeForm
from portfolios.forms.trade import first_initial
from portfolios.models import CostMethod, Portfolio, Trade, TradeKind
from portfolios.queries import lineage
from portfolios.queries.hints import CloseHint, RateHint, accrued_hint, close_hint, rate_hint
from portfolios.queries.pickable import OpenLots, Pickable, open_lots
from portfolios.services.entry import enter_trade, foresee
from portfolios.services.preview import Preview
from portfolios.services.terms import exchange_day, factor_of
from portfolios.services.trades import linked
from portfolios.views.base import after_booking, page_with, rights_of
from users.models import User

MOST_SHOWN_LOTS = 300  # more inputs than a request may have would be refused


@dataclass(frozen=True, slots=True)
class Hints:
    """What the market says about the trade as it is written so far."""

    asset: Asset | None = None
    currency: str = ""
    day: date | None = None
    close: CloseHint | None = None
    rate: RateHint | None = None
    accrued: Decimal | None = None  # by the terms of a bond, in its currency

    @property
    def bond(self) -> bool:
        """Whether interest accrues on what is traded."""
        return self.asset is not None and self.asset.type == AssetType.BOND

    @property
    def usable(self) -> bool:
        """Whether the close can be the trade's price: they are in one currency."""
        return self.close is not None and self.asset is not None and self.asset.quote_currency == self.currency


class EntryView(View):
    """What the pages and parts of one trade's form share: the portfolio, the trade that is edited, the form."""

    request: HttpRequest

    @cached_property
    def page(self) -> dict[str, Any]:
        if self.original is None:
            return page_with(self.request, Right.BOOK)
        role = self.original.portfolio.role_for(self.user)
        return {"portfolios": [], "portfolio": self.original.portfolio} | rights_of(role)

    @cached_property
    def original(self) -> Trade | None:
        """The trade that is edited: by the path, or by ``?trade=`` where a part is asked for."""
        wanted = self.kwargs.get("pk", self.request.GET.get("trade"))
        if wanted is None:
            return None
        if not str(wanted).isdecimal() or len(str(wanted)) > 18:
            raise Http404
        joined = Trade.objects.select_related("asset__exchange", "account", "portfolio")
        return obtain(joined, self.user, Right.BOOK, pk=wanted)

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @cached_property
    def portfolio(self) -> Portfolio:
        """Raises Http404 for somebody without any."""
        found: Portfolio | None = self.page["portfolio"]
        if found is None:
            raise Http404
        return found

    def form(self, data: Any = None, initial: dict[str, Any] | None = None) -> TradeForm:
        return TradeForm(data, user=self.user, portfolio=self.portfolio, original=self.original, initial=initial)


class TradeEntryView(EntryView):
    """``/transactions/new/``: ``?portfolio=``, ``?asset=`` and ``?kind=`` fill in what is known already."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if self.page["portfolio"] is None:
            return redirect("dashboard")
        given = request.GET
        initial = {} if self.original else first_initial(self.user, given.get("kind", ""), given.get("asset", "")[:200])
        form = self.form(initial=initial)
        hints = hints_of(form)
        if self.original is None and hints.close and hints.close.recent:
            form.initial["price"] = hints.close.price
        return self.shown(form, hints, None)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.form(request.POST)
        if form.is_valid():
            if request.POST.get("action") == "preview":
                return self.shown(form, hints_of(form), attempted(form))
            if done := self.booked(form):
                return done
        return self.shown(form, hints_of(form), None)

    def booked(self, form: TradeForm) -> HttpResponse | None:
        """The way on after booking; None where the books refuse, which the form then says."""
        try:
            trade, first = enter_trade(
                portfolio=self.portfolio,
                terms=form.terms(),
                actor=self.user,
                key=form.once_key,
                target=form.destination,
                original=self.original,
            )
        except DomainError as error:
            form.refuse(error)
            return None
        if trade == self.original:
            messages.info(self.request, gettext("Nothing was changed."))
        elif trade.voided_at and not first:
            say_gone(self.request, trade)
        else:
            said = gettext("Booked: %(sentence)s.") % {"sentence": sentence(trade)}
            messages.success(self.request, said, extra_tags=f"undo-{trade.pk}")
        return redirect(after_booking(self.portfolio))

    def shown(self, form: TradeForm, hints: Hints, preview: Preview | None) -> HttpResponse:
        original = self.original
        context = self.page | {
            "section": "transactions",
            "form": form,
            "hints": hints,
            "picker": picker_of(form),
            "preview": preview,
            "original": original,
            "stuck": original is not None and (original.voided_at is not None or linked(original) is not None),
            "query": query_of(self),
            "back": after_booking(self.portfolio),
        }
        return render(self.request, "portfolios/entry.html", context)


class PreviewPart(EntryView):
    """What htmx asks for while the form is written: the preview, and what to say beside each field."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        preview = attempted(form) if form.is_valid() else None
        context = {"form": form, "hints": hints_of(form), "preview": preview, "portfolio": self.portfolio}
        return render(request, "portfolios/_entry_live.html", context)


class LotsPart(EntryView):
    """The lots that can be picked, when something changes that they depend on."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        context = {"form": form, "picker": picker_of(form), "portfolio": self.portfolio, "query": query_of(self)}
        return render(request, "portfolios/_entry_lots.html", context)


@require_safe
def asset_options(request: HttpRequest) -> HttpResponse:
    """Securities like what is typed into a field: ``?asset=``, or ``?target=`` for the other one of an action.

    ``?benchmark=``, and ``?add-asset=`` of a watchlist, also find what nobody can hold, such as an index.
    """
    benchmark = request.GET.get("benchmark") or request.GET.get("add-asset")
    text = (request.GET.get("asset") or request.GET.get("target") or benchmark or "").strip()[:200]
    known = Asset.objects.visible_to(cast("User", request.user))
    known = known if benchmark else known.tradable()
    return render(request, "portfolios/_asset_options.html", {"assets": known.nearest(text)[:20] if text else []})


def attempted(form: TradeForm) -> Preview | None:
    """The preview of a valid form; None where the books refuse, which the form then says."""
    try:
        return foresee(portfolio=form.portfolio, terms=form.terms(), target=form.destination, original=form.original)
    except DomainError as error:
        form.refuse(error)
        return None


def hints_of(form: TradeForm) -> Hints:
    """What is known of the day and security so far; at most 4 queries, 5 for a bond."""
    asset, at = form.known("asset"), form.known("traded_at")
    if asset is None or at is None:
        return Hints(asset)
    day = exchange_day(asset, at)
    currency = form.known("currency") or asset.quote_currency
    rate = rate_hint(major_currency(currency), form.portfolio.base_currency, day)
    interest = accrued_hint(asset, day, form.known("quantity")) if currency == asset.currency else None
    return Hints(asset, currency, day, close_hint(asset, day), rate, interest)


@dataclass(frozen=True, slots=True)
class Picker:
    """The lots that the sale can take, each with what is written beside it; or why none can be picked.

    ``carried`` is what was written while no lots can be shown, by name: it is there again when they are.
    """

    open: OpenLots | None
    currency: str = ""
    rows: tuple[tuple[Any, str, str, list[str]], ...] = ()
    more: int = 0
    problem: str = ""
    carried: tuple[tuple[str, str], ...] = ()

    @property
    def waits(self) -> bool:
        """Whether what is written may be picks of lots that can be shown again, once the other terms are known."""
        return self.open is None

    @property
    def method(self) -> str:
        return str(CostMethod(self.open.method).label) if self.open else ""


def picker_of(form: TradeForm) -> Picker | None:
    """The lots for a sale or a transfer out as of its time; None for other trades. At most 12 queries."""
    if not form.taking:
        return None
    asset, at = form.known("asset"), form.known("traded_at")
    carried = tuple((name, form.picks.written[name]) for name in form.picks.names)
    if asset is None or at is None:
        return Picker(None, carried=carried)
    day = exchange_day(asset, at)
    try:
        worth = _value_of_unit(form, asset, day)
        found = open_lots(form.portfolio, asset, at, day, value_of_unit=worth, replacing=form.original)
    except DomainError as error:
        return Picker(None, problem=error.message, carried=carried)
    rows = tuple(
        (lot, name, form.picks.written.get(name, ""), form.picks.errors.get(name, []))
        for lot, name in _shown(found, set(form.picks.names))
    )
    return Picker(found, asset.currency, rows, len(found.lots) - len(rows))


def _shown(found: OpenLots, picked: set[str]) -> list[tuple[Pickable, str]]:
    """The lots with a row, and the row's name: all that are picked, and of the others as many as there is room for."""
    named = [(lot, f"pick-{lot.opened_by}-{lot.sequence}") for lot in found.lots]
    room = MOST_SHOWN_LOTS - sum(name in picked for _, name in named)
    others = [name for _, name in named if name not in picked][: max(0, room)]
    shown = picked.union(others)
    return [(lot, name) for lot, name in named if name in shown]


def _value_of_unit(form: TradeForm, asset: Asset, day: date) -> Decimal | None:
    """The price written, in the base currency; None where a number for that is missing."""
    price, stated = form.known("price"), form.known("currency") or asset.quote_currency
    if price is None or form.known("kind") != TradeKind.SELL:
        return None
    currency = major_currency(stated)
    price = multiply(price, factor_of(asset, stated))
    if currency == form.portfolio.base_currency:
        return price
    rate = form.known("exchange_rate")
    hint = None if rate else rate_hint(currency, form.portfolio.base_currency, day)
    rate = rate or (hint and hint.value)
    return multiply(price, rate) if rate else None


def query_of(view: EntryView) -> str:
    """What tells the parts whose trade is written."""
    return f"?trade={view.original.pk}" if view.original else f"?portfolio={view.portfolio.pk}"


def say_gone(request: HttpRequest, trade: Trade) -> None:
    """Say of a form that is sent again that nothing was booked, though what it booked before does not stand."""
    edited = was_edited(trade)
    messages.warning(request, gone_said(sentence(trade), edited), extra_tags="" if edited else f"redo-{trade.pk}")


def was_edited(trade: Trade) -> bool:
    """Whether another one stands in the place of a voided trade."""
    return Trade.objects.standing().filter(pk__in=lineage(trade.portfolio, trade.pk)).exists()


def gone_said(what: str, edited: bool) -> str:
    if edited:
        return gettext("This was booked before and edited since: %(what)s. Nothing was booked now.") % {"what": what}
    return gettext("This was booked before and taken back since: %(what)s. Nothing was booked now.") % {"what": what}


def sentence(trade: Trade) -> str:
    """What a trade is, for a message: “Buy 10 AAPL at 100.5 USD, 10 Jan 2024”."""
    paid = trade.kind in (TradeKind.BUY, TradeKind.SELL)
    price = {"price": f"{trade.stated_price.normalize():f}", "currency": trade.price_currency}
    at_price = gettext(" at %(price)s %(currency)s") % price if paid else ""
    what = f"{trade.get_kind_display()} {trade.quantity.normalize():f} {trade.asset.symbol}"
    return f"{what}{at_price}, {date_format(trade.day, 'SHORT_DATE_FORMAT')}"
