"""Market data over HTTP: securities, their history, and the providers of prices."""

from assets.api.providers import ProviderKeyView, ProvidersView
from assets.api.securities import AssetViewSet, StaffMayWrite

__all__ = ["AssetViewSet", "ProviderKeyView", "ProvidersView", "StaffMayWrite"]
