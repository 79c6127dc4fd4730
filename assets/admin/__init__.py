"""Market data in the admin."""

from assets.admin import doubts, providers, quotes, securities

__all__ = ["doubts", "providers", "quotes", "securities"]
