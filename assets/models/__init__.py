from assets.models.action import ActionKind, CorporateAction
from assets.models.asset import Asset, AssetType, Exchange, PriceBasis
from assets.models.ingestion import IngestionRun, RunState
from assets.models.price import HistoricValue, PriceClock, PriceRevision
from assets.models.provider import ProviderKey, ProviderState, SymbolMapping, UnknownHere
from assets.models.quote import CompanyProfile, Quote
from assets.models.watchlist import Watchlist, WatchlistEntry

__all__ = [
    "ActionKind",
    "Asset",
    "AssetType",
    "CompanyProfile",
    "CorporateAction",
    "Exchange",
    "HistoricValue",
    "IngestionRun",
    "PriceBasis",
    "PriceClock",
    "PriceRevision",
    "ProviderKey",
    "ProviderState",
    "Quote",
    "RunState",
    "SymbolMapping",
    "UnknownHere",
    "Watchlist",
    "WatchlistEntry",
]
