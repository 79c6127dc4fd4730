"""Reads over accounts and cash, each with a stated number of queries."""

from banking.queries.accounts import AccountBalance, Holder, Total, account_balances, by_holder, total_of

__all__ = ["AccountBalance", "Holder", "Total", "account_balances", "by_holder", "total_of"]
