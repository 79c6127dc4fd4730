"""What a change breaks elsewhere in the books, said by name."""

from __future__ import annotations

from django.utils.translation import gettext

from core.errors import DomainError
from portfolios.book.types import Refused, ShortSale, TransferAltered
from portfolios.models import Trade, TradeKind


class BreaksLaterTrade(DomainError):
    """A later trade would then sell what is not held."""


class BreaksPick(DomainError):
    """A later sale picks a lot that would not hold that much any more."""


class BreaksTransfer(DomainError):
    """Another portfolio took over lots that would no longer be those that left."""


def broken(error: Refused) -> DomainError:
    """The error that names the trade that a change elsewhere would break."""
    later = Trade.objects.select_related("asset").get(pk=error.entry.key)
    what = f"{later.quantity.normalize():f} {later.asset.symbol} on {later.day} (trade {later.pk})"
    if isinstance(error, ShortSale):
        return BreaksLaterTrade(
            gettext("The sale of %(what)s would then sell more than is held: %(held)s.")
            % {"what": what, "held": f"{error.held.normalize():f}"}
            if later.kind == TradeKind.SELL
            else gettext("The transfer of %(what)s would then send more than is held: %(held)s.")
            % {"what": what, "held": f"{error.held.normalize():f}"}
        )
    if isinstance(error, TransferAltered):
        return BreaksTransfer("The transfer of {what} would then take other lots; void it first.", what=what)
    return BreaksPick("The sale of {what} would be left without its lots. {reason}", what=what, reason=error.message)
