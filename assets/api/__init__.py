"""Market data over HTTP: securities and their history, quotes, profiles, watchlists, and the providers of prices."""

from assets.api.market import ProfileViewSet, QuoteViewSet
from assets.api.providers import ProviderKeyView, ProvidersView
from assets.api.securities import AssetViewSet, StaffMayWrite
from assets.api.watchlists import WatchlistEntryViewSet, WatchlistViewSet

__all__ = [
    "AssetViewSet",
    "ProfileViewSet",
    "ProviderKeyView",
    "ProvidersView",
    "QuoteViewSet",
    "StaffMayWrite",
    "WatchlistEntryViewSet",
    "WatchlistViewSet",
]
