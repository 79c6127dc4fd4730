from assets.models.action import ActionKind, CorporateAction
from assets.models.asset import Asset, AssetType, Exchange, PriceBasis
from assets.models.ingestion import IngestionRun, ProviderQuota, RunState
from assets.models.price import HistoricValue, PriceClock, PriceRevision

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
    "ProviderQuota",
    "RunState",
]
