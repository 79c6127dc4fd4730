from portfolios.models.columns import HoldingColumns
from portfolios.models.goal import Goal
from portfolios.models.investment import Investment
from portfolios.models.lot import Departure, Disposal, Entitlement, Lot
from portfolios.models.method import CostMethodChange
from portfolios.models.payment import PaymentMatch
from portfolios.models.portfolio import CashSetting, CostMethod, Portfolio, PortfolioAccount, RiskTolerance
from portfolios.models.sharing import PortfolioShare
from portfolios.models.targets import TargetSet, TargetWeight
from portfolios.models.trade import LotPick, Trade, TradeKind, TransferLot

__all__ = [
    "CashSetting",
    "CostMethod",
    "CostMethodChange",
    "Departure",
    "Disposal",
    "Entitlement",
    "Goal",
    "HoldingColumns",
    "Investment",
    "Lot",
    "LotPick",
    "PaymentMatch",
    "Portfolio",
    "PortfolioAccount",
    "PortfolioShare",
    "RiskTolerance",
    "TargetSet",
    "TargetWeight",
    "Trade",
    "TradeKind",
    "TransferLot",
]
