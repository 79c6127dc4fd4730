"""Market data over HTTP: securities, their history, and bars that are not believed."""

from assets.api.quarantine import QuarantineViewSet
from assets.api.securities import AssetViewSet, StaffMayWrite

__all__ = ["AssetViewSet", "QuarantineViewSet", "StaffMayWrite"]
