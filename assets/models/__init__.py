from assets.models.action import ActionKind, CorporateAction
from assets.models.asset import Asset, AssetType, Exchange, PriceBasis
from assets.models.ingestion import IngestionRun, RunState
from assets.models.price import HistoricValue, PriceClock, PriceRevision
from assets.models.provider import ProviderKey, ProviderState, SymbolMapping, UnknownHere

__all__ = [
    "ActionKind",
    "Asset",
    "AssetType",
    "CorporateAction",
    "Exchange",
    "HistoricValue",
    "IngestionRun",
    "PriceBasis",
    "PriceClock",
    "PriceRevision",
    "ProviderKey",
    "ProviderState",
    "RunState",
    "SymbolMapping",
    "UnknownHere",
]
