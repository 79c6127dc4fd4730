from analytics.api.history import CalendarView, DrawdownsView, RollingView
from analytics.api.income import IncomeView
from analytics.api.performance import PerformanceView
from analytics.api.periods import FigureHistoryView, PeriodsView
from analytics.api.risk import RiskView, SeriesView
from analytics.api.tax import TaxReportView

__all__ = [
    "CalendarView",
    "DrawdownsView",
    "FigureHistoryView",
    "IncomeView",
    "PerformanceView",
    "PeriodsView",
    "RiskView",
    "RollingView",
    "SeriesView",
    "TaxReportView",
]
