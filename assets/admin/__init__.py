"""Market data in the admin."""

from assets.admin import providers, securities

__all__ = ["providers", "securities"]
