from banking.models.account import Account, AccountKind, BalanceAssertion
from banking.models.budget import Budget
from banking.models.classification import Category, Counterparty, Section, Tag
from banking.models.deposit import DepositState, TermDeposit
from banking.models.recategorisation import Recategorisation, RecategorisedRow
from banking.models.recurring import DismissedRecurrence
from banking.models.rule import Rule
from banking.models.sharing import AccountShare, ShareRole
from banking.models.transaction import CashSplit, CashTransaction, ClassifiedBy, Origin
from banking.models.transfer import Transfer

__all__ = [
    "Account",
    "AccountKind",
    "AccountShare",
    "BalanceAssertion",
    "Budget",
    "CashSplit",
    "CashTransaction",
    "Category",
    "ClassifiedBy",
    "Counterparty",
    "DepositState",
    "DismissedRecurrence",
    "Origin",
    "Recategorisation",
    "RecategorisedRow",
    "Rule",
    "Section",
    "ShareRole",
    "Tag",
    "TermDeposit",
    "Transfer",
]
