"""What was computed about portfolios, from which versions of its inputs, and what people ask of them."""

from analytics.models.backtest import Basis, VarBacktest, VarBacktestQuerySet
from analytics.models.bank import BankReport, HolderFigures
from analytics.models.factor import Factor, FactorReturn, FactorSet, Frequency
from analytics.models.flag import FlagKind, FlagState, RiskFlag
from analytics.models.optimisation import OptimisationRun, OptimisationRunQuerySet
from analytics.models.rebalancing import RebalanceProposal, RebalanceState
from analytics.models.report import ReportFile, ReportKind
from analytics.models.scenario import Scenario, ScenarioQuerySet, ScenarioShock, StressWindow
from analytics.models.snapshot import Snapshot, SnapshotQuerySet

__all__ = [
    "BankReport",
    "Basis",
    "Factor",
    "FactorReturn",
    "FactorSet",
    "FlagKind",
    "FlagState",
    "Frequency",
    "HolderFigures",
    "OptimisationRun",
    "OptimisationRunQuerySet",
    "RebalanceProposal",
    "RebalanceState",
    "ReportFile",
    "ReportKind",
    "RiskFlag",
    "Scenario",
    "ScenarioQuerySet",
    "ScenarioShock",
    "Snapshot",
    "SnapshotQuerySet",
    "StressWindow",
    "VarBacktest",
    "VarBacktestQuerySet",
]
