"""The writes of analytics. What is used by name elsewhere: the recomputation of snapshots."""

from analytics.services.recomputing import chunks, finish_if_done, recompute

__all__ = ["chunks", "finish_if_done", "recompute"]
