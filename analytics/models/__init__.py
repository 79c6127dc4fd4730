"""What was computed about portfolios, and from which versions of its inputs."""

from analytics.models.backtest import Basis, VarBacktest, VarBacktestQuerySet
from analytics.models.snapshot import Snapshot, SnapshotQuerySet

__all__ = ["Basis", "Snapshot", "SnapshotQuerySet", "VarBacktest", "VarBacktestQuerySet"]
