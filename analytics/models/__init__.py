"""What was computed about portfolios, and from which versions of its inputs."""

from analytics.models.optimisation import OptimisationRun, OptimisationRunQuerySet
from analytics.models.snapshot import Snapshot, SnapshotQuerySet

__all__ = ["OptimisationRun", "OptimisationRunQuerySet", "Snapshot", "SnapshotQuerySet"]
