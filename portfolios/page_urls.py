"""The pages of portfolios."""

from __future__ import annotations

from django.urls import URLPattern, path

from core.web import login_needed, staff_needed
from portfolios.views.actions import (
    ActionEntryPage,
    ActionListPage,
    ActionPreviewPart,
    ActionRestorePage,
    ActionVoidPage,
)
from portfolios.views.entry import LotsPart, PreviewPart, TradeEntryView, asset_options
from portfolios.views.goals import GoalDelete, GoalPage, NewGoalPage
from portfolios.views.holdings import HoldingColumnsView, holding_list
from portfolios.views.import_columns import ImportColumnsPage
from portfolios.views.imports import ImportListPage, ImportPage, import_errors
from portfolios.views.methods import MethodPage, MethodPreviewPart, MethodRestorePage, MethodVoidPage
from portfolios.views.new_portfolio import NewPortfolioPage
from portfolios.views.proposals import proposals
from portfolios.views.quick import CashRestore, CashVoid, QuickEntry
from portfolios.views.search import search, search_list
from portfolios.views.sharing import PortfolioSharingPage
from portfolios.views.trade import restore_page, trade_page, void_page
from portfolios.views.transactions import transaction_list
from portfolios.views.undo import RedoView, UndoView

urlpatterns: list[URLPattern] = [
    path("holdings/", holding_list, name="holdings"),
    path("search/", search, name="search"),
    path("search/list/", search_list, name="search-list"),
    path("transactions/", transaction_list, name="transactions"),
    path("transactions/<int:pk>/", trade_page, name="trade-page"),
    path("transactions/<int:pk>/void/", void_page, name="trade-void-page"),
    path("transactions/<int:pk>/restore/", restore_page, name="trade-restore-page"),
    path("transactions/quick/", login_needed(QuickEntry.as_view()), name="transaction-quick"),
    path("transactions/cash/<int:pk>/void/", login_needed(CashVoid.as_view()), name="transaction-cash-void"),
    path("transactions/cash/<int:pk>/restore/", login_needed(CashRestore.as_view()), name="transaction-cash-restore"),
    path("transactions/new/", login_needed(TradeEntryView.as_view()), name="trade-new"),
    path("transactions/preview/", login_needed(PreviewPart.as_view()), name="trade-preview-part"),
    path("transactions/lots/", login_needed(LotsPart.as_view()), name="trade-lots-part"),
    path("transactions/assets/", login_needed(asset_options), name="asset-options"),
    path("transactions/<int:pk>/edit/", login_needed(TradeEntryView.as_view()), name="trade-edit"),
    path("transactions/<int:pk>/undo/", login_needed(UndoView.as_view()), name="trade-undo"),
    path("transactions/<int:pk>/redo/", login_needed(RedoView.as_view()), name="trade-redo"),
    path("corporate-actions/", staff_needed(ActionListPage.as_view()), name="action-page-list"),
    path("corporate-actions/new/", staff_needed(ActionEntryPage.as_view()), name="action-page-new"),
    path("corporate-actions/preview/", staff_needed(ActionPreviewPart.as_view()), name="action-preview-part"),
    path("corporate-actions/<int:pk>/void/", staff_needed(ActionVoidPage.as_view()), name="action-page-void"),
    path("corporate-actions/<int:pk>/restore/", staff_needed(ActionRestorePage.as_view()), name="action-page-restore"),
    path("settings/holding-columns/", login_needed(HoldingColumnsView.as_view()), name="holding-columns"),
    path("settings/goals/", login_needed(NewGoalPage.as_view()), name="goal-new"),
    path("settings/goals/<int:pk>/", login_needed(GoalPage.as_view()), name="goal-page"),
    path("settings/goals/<int:pk>/delete/", login_needed(GoalDelete.as_view()), name="goal-delete"),
    path("settings/cost-method/", login_needed(MethodPage.as_view()), name="method-page"),
    path("settings/cost-method/preview/", login_needed(MethodPreviewPart.as_view()), name="method-preview-part"),
    path("settings/cost-method/<int:pk>/void/", login_needed(MethodVoidPage.as_view()), name="method-page-void"),
    path(
        "settings/cost-method/<int:pk>/restore/", login_needed(MethodRestorePage.as_view()), name="method-page-restore"
    ),
    path("portfolio/new/", login_needed(NewPortfolioPage.as_view()), name="portfolio-new"),
    path("portfolio/<int:pk>/sharing/", login_needed(PortfolioSharingPage.as_view()), name="portfolio-sharing"),
    path("imports/", login_needed(ImportListPage.as_view()), name="imports"),
    path("imports/<int:pk>/", login_needed(ImportPage.as_view()), name="import-page"),
    path("imports/<int:pk>/columns/", login_needed(ImportColumnsPage.as_view()), name="import-columns"),
    path("imports/<int:pk>/errors/", login_needed(import_errors), name="import-errors"),
    path("market/actions/", proposals, name="proposals"),
]
