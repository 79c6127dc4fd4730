"""Market data in the admin."""

from assets.admin import doubts, providers, securities

__all__ = ["doubts", "providers", "securities"]
