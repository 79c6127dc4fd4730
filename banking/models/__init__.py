from banking.models.account import MAY_OWE, OWING, Account, AccountKind, BalanceAssertion
from banking.models.budget import Budget
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
from banking.models.mapping import ImportMapping
from banking.models.possession import Possession, PossessionKind, Valuation
from banking.models.recategorisation import Recategorisation, RecategorisedRow
from banking.models.recurring import DismissedRecurrence
from banking.models.rule import Rule
from banking.models.schedule import Every, OnWeekend, RunState, Schedule, ScheduleRun, ScheduleState
from banking.models.sharing import AccountShare, Share, ShareRole
from banking.models.transaction import CashSplit, CashTransaction, ClassifiedBy, Origin
from banking.models.transfer import MatchedBy, RefusedMatch, Transfer

__all__ = [
    "MAY_OWE",
    "OWING",
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
    "Every",
    "ImportBatch",
    "ImportChunk",
    "ImportKind",
    "ImportMapping",
    "ImportName",
    "ImportRow",
    "ImportState",
    "MatchedBy",
    "NameKind",
    "OnWeekend",
    "Origin",
    "Outcome",
    "Possession",
    "PossessionKind",
    "Recategorisation",
    "RecategorisedRow",
    "RefusedMatch",
    "Rule",
    "RunState",
    "Schedule",
    "ScheduleRun",
    "ScheduleState",
    "Section",
    "Share",
    "ShareRole",
    "Tag",
    "TermDeposit",
    "Transfer",
    "Valuation",
]
