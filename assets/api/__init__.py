"""Market data over HTTP: securities, history, quotes, profiles, watchlists, providers, bars that are not believed."""

from assets.api.bonds import BondView
from assets.api.doubts import DoubtfulQuoteViewSet
from assets.api.market import ProfileViewSet, QuoteViewSet
from assets.api.prices import PriceListPreviewView, PriceListView
from assets.api.providers import ProviderKeyView, ProvidersView
from assets.api.quarantine import QuarantineViewSet
from assets.api.securities import AssetViewSet, StaffMayWrite
from assets.api.watchlists import WatchlistEntryViewSet, WatchlistViewSet

__all__ = [
    "AssetViewSet",
    "BondView",
    "DoubtfulQuoteViewSet",
    "PriceListPreviewView",
    "PriceListView",
    "ProfileViewSet",
    "ProviderKeyView",
    "ProvidersView",
    "QuarantineViewSet",
    "QuoteViewSet",
    "StaffMayWrite",
    "WatchlistEntryViewSet",
    "WatchlistViewSet",
]
