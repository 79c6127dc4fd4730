"""Market data in the admin."""

from assets.admin import bonds, doubts, providers, quotes, securities

__all__ = ["bonds", "doubts", "providers", "quotes", "securities"]
