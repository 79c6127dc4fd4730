from banking.models.account import Account, AccountKind, BalanceAssertion
from banking.models.classification import Category, Counterparty, Section, Tag
from banking.models.deposit import DepositState, TermDeposit
from banking.models.importing import (
    ImportBatch,
    ImportChunk,
    ImportKind,
    ImportName,
    ImportRow,
    ImportState,
    NameKind,
    Outcome,
)
from banking.models.sharing import AccountShare, ShareRole
from banking.models.transaction import CashSplit, CashTransaction, ClassifiedBy, Origin
from banking.models.transfer import Transfer

__all__ = [
    "Account",
    "AccountKind",
    "AccountShare",
    "BalanceAssertion",
    "CashSplit",
    "CashTransaction",
    "Category",
    "ClassifiedBy",
    "Counterparty",
    "DepositState",
    "ImportBatch",
    "ImportChunk",
    "ImportKind",
    "ImportName",
    "ImportRow",
    "ImportState",
    "NameKind",
    "Origin",
    "Outcome",
    "Section",
    "ShareRole",
    "Tag",
    "TermDeposit",
    "Transfer",
]
