"""Market data in the admin."""

from assets.admin import doubts, securities

__all__ = ["doubts", "securities"]
