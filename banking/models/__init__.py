from banking.models.account import Account, AccountKind
from banking.models.transaction import CashTransaction, Origin, Section

__all__ = ["Account", "AccountKind", "CashTransaction", "Origin", "Section"]
