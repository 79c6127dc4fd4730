"""Market data over HTTP: securities and their history, quotes, profiles, watchlists."""

from assets.api.market import ProfileViewSet, QuoteViewSet
from assets.api.securities import AssetViewSet
from assets.api.watchlists import WatchlistEntryViewSet, WatchlistViewSet

__all__ = ["AssetViewSet", "ProfileViewSet", "QuoteViewSet", "WatchlistEntryViewSet", "WatchlistViewSet"]
