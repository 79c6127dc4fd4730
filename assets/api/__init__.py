"""Market data over HTTP: securities, their history, the providers of prices, and bars that are not believed."""

from assets.api.providers import ProviderKeyView, ProvidersView
from assets.api.quarantine import QuarantineViewSet
from assets.api.securities import AssetViewSet, StaffMayWrite

__all__ = ["AssetViewSet", "ProviderKeyView", "ProvidersView", "QuarantineViewSet", "StaffMayWrite"]
