"""What was computed about portfolios, and from which versions of its inputs."""

from analytics.models.snapshot import Snapshot, SnapshotQuerySet

__all__ = ["Snapshot", "SnapshotQuerySet"]
