"""What was computed about portfolios, from which versions of its inputs, and the factors that explain their returns."""

from analytics.models.factor import Factor, FactorReturn, FactorSet, Frequency
from analytics.models.snapshot import Snapshot, SnapshotQuerySet

__all__ = ["Factor", "FactorReturn", "FactorSet", "Frequency", "Snapshot", "SnapshotQuerySet"]
