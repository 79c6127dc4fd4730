from assets.models.action import ActionKind, CorporateAction
from assets.models.asset import Asset, AssetType, Exchange, PriceBasis
from assets.models.backfill import Backfill, BackfillState, PriceGap
from assets.models.bond import Bond
from assets.models.doubt import DoubtfulQuote, DoubtState
from assets.models.ingestion import IngestionRun, RunState
from assets.models.live import IntradayValue, Streaming
from assets.models.notice import ActionProposal, Announced, ProposalState
from assets.models.price import HistoricValue, PriceClock, PriceRevision
from assets.models.provider import ProviderKey, ProviderState, SymbolMapping, UnknownHere
from assets.models.quarantine import DoubtReason, QuarantinedBar, QuarantineState
from assets.models.quote import CompanyProfile, Quote
from assets.models.watchlist import Watchlist, WatchlistEntry

__all__ = [
    "ActionKind",
    "ActionProposal",
    "Announced",
    "Asset",
    "AssetType",
    "Backfill",
    "BackfillState",
    "Bond",
    "CompanyProfile",
    "CorporateAction",
    "DoubtReason",
    "DoubtState",
    "DoubtfulQuote",
    "Exchange",
    "HistoricValue",
    "IngestionRun",
    "IntradayValue",
    "PriceBasis",
    "PriceClock",
    "PriceGap",
    "PriceRevision",
    "ProposalState",
    "ProviderKey",
    "ProviderState",
    "QuarantineState",
    "QuarantinedBar",
    "Quote",
    "RunState",
    "Streaming",
    "SymbolMapping",
    "UnknownHere",
    "Watchlist",
    "WatchlistEntry",
]
