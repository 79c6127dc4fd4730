from portfolios.models.investment import Investment
from portfolios.models.lot import Disposal, Lot
from portfolios.models.portfolio import CashSetting, CostMethod, Portfolio, PortfolioAccount
from portfolios.models.trade import Trade, TradeKind, TransferLot

__all__ = [
    "CashSetting",
    "CostMethod",
    "Disposal",
    "Investment",
    "Lot",
    "Portfolio",
    "PortfolioAccount",
    "Trade",
    "TradeKind",
    "TransferLot",
]
