from banking.models.account import Account, AccountKind
from banking.models.deposit import DepositState, TermDeposit
from banking.models.transaction import CashTransaction, Origin, Section
from banking.models.transfer import Transfer

__all__ = ["Account", "AccountKind", "CashTransaction", "DepositState", "Origin", "Section", "TermDeposit", "Transfer"]
