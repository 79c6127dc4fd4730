from assets.models.asset import Asset, AssetType, Exchange, PriceBasis
from assets.models.ingestion import IngestionRun, ProviderQuota, RunState
from assets.models.price import HistoricValue, PriceClock, PriceRevision

__all__ = [
    "Asset",
    "AssetType",
    "Exchange",
    "HistoricValue",
    "IngestionRun",
    "PriceBasis",
    "PriceClock",
    "PriceRevision",
    "ProviderQuota",
    "RunState",
]
