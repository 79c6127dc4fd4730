"""The writes of analytics. What is used by name elsewhere: the recomputation of snapshots, the nightly backtests."""

from analytics.services.backtesting import backtest
from analytics.services.recomputing import chunks, finish_if_done, recompute

__all__ = ["backtest", "chunks", "finish_if_done", "recompute"]
