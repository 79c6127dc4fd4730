"""Market data in the admin."""

from assets.admin import providers, quotes, securities

__all__ = ["providers", "quotes", "securities"]
