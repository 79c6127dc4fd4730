"""The pages of banking."""

from __future__ import annotations

from django.urls import URLPattern, path

from banking.views.account import AccountEditPage, AccountPage, AssertionActions, NewAccountPage
from banking.views.accounts import account_list
from banking.views.budgets import BudgetView, DeleteBudgetView, NewBudgetView, budget_list
from banking.views.deposits import DepositCancelPage, DepositListPage, DepositPreviewPart
from banking.views.named import CategoryList, CategoryPage, CounterpartyList, CounterpartyPage, TagList, TagPage
from banking.views.payment import PaymentPreviewPart, PaymentView
from banking.views.possessions import PossessionsView, PossessionView
from banking.views.recurring import DismissView, RestoreSuggestionView, recurring_list
from banking.views.rules import (
    ApplyRulesView,
    DeleteRuleView,
    MoveRuleView,
    NewRuleView,
    RuleView,
    TryRuleView,
    rule_list,
)
from banking.views.schedules import ScheduleView, schedule_list
from banking.views.sharing import AccountSharingPage
from banking.views.transaction import (
    CategoryView,
    EditView,
    RestoreView,
    SplitView,
    UnsplitView,
    VoidView,
    transaction_page,
)
from banking.views.transactions import BulkView, EntryView, UndoView, transaction_list
from banking.views.transfers import MatchesView, TransferView, transfer_list
from core.web import login_needed

urlpatterns: list[URLPattern] = [
    path("banking/accounts/", account_list, name="banking-accounts"),
    path("banking/transactions/", transaction_list, name="banking-transactions"),
    path("banking/transactions/new/", EntryView.as_view(), name="banking-transaction-new"),
    path("banking/transactions/many/", BulkView.as_view(), name="banking-transactions-many"),
    path("banking/transactions/<int:pk>/", transaction_page, name="banking-transaction"),
    path("banking/transactions/<int:pk>/edit/", EditView.as_view(), name="banking-transaction-edit"),
    path("banking/transactions/<int:pk>/category/", CategoryView.as_view(), name="banking-transaction-category"),
    path("banking/transactions/<int:pk>/split/", SplitView.as_view(), name="banking-transaction-split"),
    path("banking/transactions/<int:pk>/unsplit/", UnsplitView.as_view(), name="banking-transaction-unsplit"),
    path("banking/transactions/<int:pk>/void/", VoidView.as_view(), name="banking-transaction-void"),
    path("banking/transactions/<int:pk>/restore/", RestoreView.as_view(), name="banking-transaction-restore"),
    path("banking/recategorisations/<int:pk>/undo/", UndoView.as_view(), name="banking-recategorisation-undo"),
    path("banking/possessions/", PossessionsView.as_view(), name="banking-possessions"),
    path("banking/possessions/<int:pk>/", PossessionView.as_view(), name="banking-possession"),
    path("banking/transfers/", transfer_list, name="banking-transfers"),
    path("banking/transfers/new/", PaymentView.as_view(), name="banking-pay"),
    path("banking/transfers/new/preview/", PaymentPreviewPart.as_view(), name="banking-pay-preview"),
    path("banking/transfers/matches/", MatchesView.as_view(), name="banking-matches"),
    path("banking/transfers/<int:pk>/", TransferView.as_view(), name="banking-transfer"),
    path("banking/schedules/", schedule_list, name="banking-schedules"),
    path("banking/schedules/<int:pk>/", ScheduleView.as_view(), name="banking-schedule"),
    path("banking/accounts/<int:pk>/sharing/", login_needed(AccountSharingPage.as_view()), name="account-sharing"),
    path("banking/accounts/new/", NewAccountPage.as_view(), name="banking-account-new"),
    path("banking/accounts/<int:pk>/", AccountPage.as_view(), name="banking-account"),
    path("banking/accounts/<int:pk>/edit/", AccountEditPage.as_view(), name="banking-account-edit"),
    path("banking/assertions/<int:pk>/", AssertionActions.as_view(), name="banking-assertion"),
    path("banking/categories/", CategoryList.as_view(), name="banking-categories"),
    path("banking/categories/<int:pk>/", CategoryPage.as_view(), name="banking-category"),
    path("banking/counterparties/", CounterpartyList.as_view(), name="banking-counterparties"),
    path("banking/counterparties/<int:pk>/", CounterpartyPage.as_view(), name="banking-counterparty"),
    path("banking/tags/", TagList.as_view(), name="banking-tags"),
    path("banking/tags/<int:pk>/", TagPage.as_view(), name="banking-tag"),
    path("banking/deposits/", DepositListPage.as_view(), name="banking-deposits"),
    path("banking/deposits/preview/", DepositPreviewPart.as_view(), name="banking-deposit-preview"),
    path("banking/deposits/<int:pk>/cancel/", DepositCancelPage.as_view(), name="banking-deposit-cancel"),
    path("banking/rules/", rule_list, name="banking-rules"),
    path("banking/rules/new/", NewRuleView.as_view(), name="banking-rule-new"),
    path("banking/rules/try/", TryRuleView.as_view(), name="banking-rule-try"),
    path("banking/rules/<int:pk>/", RuleView.as_view(), name="banking-rule"),
    path("banking/rules/<int:pk>/try/", TryRuleView.as_view(), name="banking-rule-try-changes"),
    path("banking/rules/<int:pk>/move/", MoveRuleView.as_view(), name="banking-rule-move"),
    path("banking/rules/<int:pk>/delete/", DeleteRuleView.as_view(), name="banking-rule-delete"),
    path("banking/rules/<int:pk>/apply/", ApplyRulesView.as_view(), name="banking-rules-apply"),
    path("banking/budgets/", budget_list, name="banking-budgets"),
    path("banking/budgets/new/", NewBudgetView.as_view(), name="banking-budget-new"),
    path("banking/budgets/<int:pk>/", BudgetView.as_view(), name="banking-budget"),
    path("banking/budgets/<int:pk>/delete/", DeleteBudgetView.as_view(), name="banking-budget-delete"),
    path("banking/recurring/", recurring_list, name="banking-recurring"),
    path("banking/recurring/dismiss/", DismissView.as_view(), name="banking-recurring-dismiss"),
    path("banking/recurring/restore/", RestoreSuggestionView.as_view(), name="banking-recurring-restore"),
]
