"""The pages of banking."""

from __future__ import annotations

from django.urls import URLPattern, path

from banking.views.accounts import account_list
from banking.views.budgets import BudgetView, DeleteBudgetView, NewBudgetView, budget_list
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
from banking.views.sections import banking
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

urlpatterns: list[URLPattern] = [
    path("banking/", banking, name="banking"),
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
