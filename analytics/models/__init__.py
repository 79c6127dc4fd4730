"""What was computed about portfolios, and from which versions of its inputs."""

from analytics.models.rebalancing import RebalanceProposal, RebalanceState
from analytics.models.snapshot import Snapshot, SnapshotQuerySet

__all__ = ["RebalanceProposal", "RebalanceState", "Snapshot", "SnapshotQuerySet"]
