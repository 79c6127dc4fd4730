"""What each figure is, in one sentence: what a page tells beside it, before anybody asks how it comes about.

``FIGURES`` is by the key of an explained figure, whose unit and basis its own register has; ``METHODS`` by the heading
of docs/methods.md to which a question mark leads.
"""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise

UNITS: dict[str, Text] = {
    "money": _("money"),
    "price": _("money a unit"),
    "units": _("units"),
    "fraction": _("percent"),
    "fraction a year": _("percent a year"),
    "ratio": _("a plain number"),
    "sessions": _("sessions"),
    "years": _("years"),
    "day": _("a day"),
}
BASES: dict[str, Text] = {
    "books": _("from the books"),
    "ex-ante": _("ex-ante: the day’s weights on past returns"),
    "ex-post": _("ex-post: the portfolio’s own returns"),
}


class Definition(NamedTuple):
    """One sentence, the unit (a key of UNITS, or empty where there are several) and the basis (of BASES, or empty)."""

    text: Text
    unit: str = ""
    basis: str = ""


FIGURES: dict[str, Text] = {
    # --- the books
    "total_value": _(
        "What everything in the portfolio is worth: holdings at their last closes, cash and dividends due."
    ),
    "market_value": _("What the holdings alone are worth at their last closes, without cash."),
    "invested": _("What was paid for what is still held, fees and taxes of the purchases included."),
    "unrealised_gain": _("What the holdings are worth less what they cost: a gain on paper until they are sold."),
    "unrealised_return": _("The unrealised gain as a part of what the holdings cost."),
    "realised_gain": _(
        "What sales brought, net of fees and taxes, less what the sold lots had cost, since the beginning."
    ),
    "income": _("Dividends and coupons that were earned, before taxes that were withheld."),
    "cash": _("What is in the accounts that belong to the portfolio, in its base currency."),
    "receivables": _("Dividends whose ex-date has passed and whose pay-date has not come."),
    "holding_quantity": _("How many units are held, splits included."),
    "holding_average_cost": _("What a unit that is still held cost on average, fees and taxes included."),
    "holding_price": _("The last known close, as it is quoted."),
    "holding_dirty_price": _(
        "The last known close of a bond with the interest that has accrued since its last coupon."
    ),
    "holding_cost": _("What was paid for the units of this asset that are still held, fees and taxes included."),
    "holding_value": _("Quantity times the last known price, in the base currency."),
    "holding_unrealised_gain": _("What this holding is worth less what it cost."),
    "holding_unrealised_return": _("The unrealised gain of this holding as a part of its cost."),
    "holding_realised_gain": _("What sales of this asset brought, net, less what the sold lots had cost."),
    "holding_income": _("Dividends and coupons that this asset paid."),
    "holding_weight": _("The share of this holding in the market value of all holdings."),
    # --- the portfolio's own returns
    "total_return": _("How much one unit of money grew over the period, whatever was paid in or taken out meanwhile."),
    "annual_return": _("The yearly growth that compounds to the total return over the same time."),
    "annual_volatility": _("How widely daily returns scatter around their mean, scaled to a year."),
    "sharpe_ratio": _("Return above the risk-free rate for each unit of volatility; higher is better."),
    "sortino_ratio": _("Return above the risk-free rate for each unit of downside risk, which counts losses only."),
    "calmar_ratio": _("Annual return for each unit of the deepest fall."),
    "max_drawdown": _("The deepest fall from a highest value to a later lowest one."),
    "value_at_risk": _("The loss that was not exceeded on the given share of the past days."),
    "expected_shortfall": _("The mean loss of the days that were worse than the value at risk."),
    "beta": _("How far the portfolio moved when the benchmark moved by one percent."),
    "alpha": _("The yearly return beyond what beta times the benchmark’s return explains."),
    "skewness": _("Whether the long tail of the daily returns lies on the side of losses (negative) or of gains."),
    "win_rate": _("The share of the sessions that ended with a gain."),
    "best_day": _("The highest return of a single session."),
    "worst_day": _("The lowest return of a single session."),
    "ulcer_index": _("How deep and how long the portfolio lay below its peaks, deep falls counting more."),
    "omega_ratio": _("All gains over all losses, both measured from the risk-free return; above 1 gains prevail."),
    "tail_ratio": _("The size of the best twentieth of the days beside that of the worst twentieth."),
    "stability": _("How straight the growth was: 1 is a steady rise or fall without detours."),
    "excess_kurtosis": _("How much more often extreme days came than a normal distribution would have them."),
    "tracking_error": _("How widely the return scattered around that of the benchmark, scaled to a year."),
    "information_ratio": _("The mean return beyond the benchmark for each unit of deviation from it, by the day."),
    "r_squared": _("The share of the portfolio’s ups and downs that the benchmark explains."),
    "up_capture": _("How much the portfolio gained on the days on which the benchmark did, beside it."),
    "down_capture": _("How much the portfolio lost on the days on which the benchmark did, beside it."),
    "drawdown_depth": _("How far the value fell from its peak to the lowest close that followed."),
    "drawdown_peak": _("The day of the highest close before the fall."),
    "drawdown_trough": _("The day of the lowest close of the fall."),
    "drawdown_recovered": _("The first day on which the peak was reached again."),
    "drawdown_sessions": _("How many sessions the value lay below its peak."),
    "drawdown_recovery_sessions": _("How many sessions it took from the lowest close back to the peak."),
    "time_weighted_return": _(
        "The growth of one unit of money over the period, freed from what was paid in and taken out."
    ),
    "time_weighted_return_a_year": _("The time-weighted return as the yearly growth that compounds to it."),
    "money_weighted_return": _("The return on the money that was really at work, payments counted from their days on."),
    "money_weighted_return_a_year": _(
        "The yearly interest at which all payments would have grown to the value at the end."
    ),
    "start_value": _("What the portfolio was worth when the period began."),
    "end_value": _("What the portfolio is worth at the end of the period."),
    "change_in_value": _("The value at the end less the value at the start."),
    "reconciliation_net_flows": _("What was paid in less what was taken out in the period."),
    "reconciliation_realised_gains": _("What sales of the period realised."),
    "reconciliation_unrealised_gains": _("How much unrealised gains changed over the period."),
    "reconciliation_unrealised_in": _("Gains on paper that securities already had when they were transferred in."),
    "reconciliation_unrealised_out": _("Gains on paper that left with securities that were transferred out."),
    "reconciliation_income": _("Dividends, coupons and interest of the period."),
    "reconciliation_costs": _("Fees and taxes that belong to no trade."),
    "reconciliation_currency_effect": _("What cash in other currencies gained or lost by the exchange rates."),
    # --- the day's weights, looking ahead
    "ex_ante_volatility": _("How widely the return of today’s weights would have scattered, scaled to a year."),
    "ex_ante_beta": _("How far today’s weights would have moved when the benchmark moved by one percent."),
    "ex_ante_value_at_risk": _("The loss that today’s weights should not exceed with the given probability."),
    "ex_ante_expected_shortfall": _("The mean loss of today’s weights in the cases worse than the value at risk."),
    "risk_weight": _("The share of this holding in everything that is owned, cash included."),
    "risk_contribution": _("What this holding adds to the volatility of the whole; negative ones lower it."),
    "risk_share": _("The part of the whole risk that comes from this holding."),
    "risk_volatility": _("The yearly volatility of all holdings together, from their variances and correlations."),
    "diversification_ratio": _(
        "The weighted volatilities of the holdings over that of the whole; above 1 they offset each other."
    ),
    "correlation": _("How much two holdings move together, from −1 for opposite to 1 for alike."),
    "average_correlation": _("The mean of the correlations of all pairs of the largest holdings."),
    "asset_beta": _("How far this asset moved when the benchmark moved by one percent."),
    "stress_window": _("What today’s holdings would have returned in that stretch of history."),
    "stress_window_return": _("What this asset returned in that stretch of history."),
    "stress_window_contribution": _("What this holding adds to the whole loss or gain of that stretch."),
    "stress_benchmark": _("What today’s holdings would return if the benchmark moved so, each by its beta."),
    "stress_benchmark_return": _("What this holding would return if the benchmark moved so: its beta times the move."),
    "stress_benchmark_contribution": _("What this holding adds to the whole when the benchmark moves so."),
    "stress_scenario": _("What today’s holdings would return under the shocks of the scenario."),
    "stress_scenario_return": _("What the narrowest shock of the scenario does to this holding."),
    "stress_scenario_contribution": _("What this holding adds to the whole under the scenario."),
    "stress_factors": _("What today’s holdings would return if the factors moved so, each by its exposures."),
    "stress_factors_return": _("What this holding would return if the factors moved so."),
    "stress_factors_contribution": _("What this holding adds to the whole when the factors move so."),
    # --- factor models
    "factor_exposure": _("How far the portfolio moves when this factor moves by one percent and the others stay."),
    "factor_exposure_error": _(
        "How far the estimate of the exposure may be off: about two in three lie within one error."
    ),
    "factor_exposure_t": _("The exposure in standard errors; beyond about 2 it is hardly chance."),
    "factor_exposure_p": _("How probable such an exposure would be by chance alone if there were none."),
    "factor_r_squared": _("The share of the return’s ups and downs that the factors explain."),
    "factor_adjusted_r_squared": _(
        "R² lowered for the number of factors, so that adding one does not raise it by itself."
    ),
    "factor_alpha": _("What the factors leave unexplained of the return, a year."),
    "factor_alpha_t": _("Alpha in standard errors; beyond about 2 it is hardly chance."),
    "factor_volatility": _("The yearly volatility that follows from the exposures and from what is specific."),
    "factor_risk_share": _("The part of the variance that comes from the factors."),
    "factor_specific_share": _("The part of the variance that no factor explains."),
    "factor_contribution": _("What this factor adds to the volatility; one that offsets others is negative."),
    "factor_contribution_share": _("The part of the variance that comes from this factor."),
    "factor_return": _("The part of the year’s return that came from this source."),
    "factor_holding_exposure": _("How far this holding moves when the factor moves by one percent."),
    "factor_holding_r_squared": _("The share of this holding’s ups and downs that the factors explain."),
    "factor_holding_risk": _("What this holding adds to the volatility through the factors."),
    "factor_holding_specific_risk": _("What this holding adds to the volatility by itself, beside the factors."),
    "factor_holding_total_risk": _("What this holding adds to the volatility, through the factors and by itself."),
    # --- the optimiser
    "optimal_expected_return": _("The yearly return that the model expects of the optimal weights."),
    "optimal_volatility": _("The yearly volatility of the optimal weights by the model’s covariances."),
    "optimal_sharpe": _(
        "Expected return above the risk-free rate for each unit of volatility, of the optimal weights."
    ),
    "optimal_risk_share": _("The part of the risk of the optimal weights that comes from this asset."),
    "held_expected_return": _("The yearly return that the same model expects of what is held now."),
    "held_volatility": _("The yearly volatility of what is held now by the same covariances."),
    "held_sharpe": _("Expected return above the risk-free rate for each unit of volatility, of what is held now."),
    "frontier_expected_return": _("The yearly return that the model expects at this point of the frontier."),
    "frontier_volatility": _("The least yearly volatility at which that return can be expected."),
    "frontier_sharpe": _("Expected return above the risk-free rate for each unit of volatility at this point."),
    "candidate_expected_return": _("The yearly return that the model expects of this asset alone."),
    "candidate_volatility": _("The yearly volatility of this asset alone."),
}

METHODS: dict[str, Definition] = {
    "value": Definition(FIGURES["total_value"], "money", "books"),
    "invested": Definition(FIGURES["invested"], "money", "books"),
    "unrealised-gain": Definition(FIGURES["unrealised_gain"], "money", "books"),
    "realised-gain": Definition(FIGURES["realised_gain"], "money", "books"),
    "allocation": Definition(_("What the portfolio is worth in parts, cash and dividends due included."), "", "books"),
    "days-moves": Definition(
        _("What the units held now gained or lost since the closes of the day before."), "", "books"
    ),
    "upcoming-income": Definition(
        _("Dividends owed or announced, coupons and interest of the next 90 days, before taxes."), "money", "books"
    ),
    "returns-by-period": Definition(
        _("Time-weighted returns of spans that end at the last close, a rate a year beyond one year."), "", "ex-post"
    ),
    "drawdown-now": Definition(_("How far the last close is below the highest one."), "fraction", "ex-post"),
    "figures-of-one-asset": Definition(
        _("Return and risk of one asset from its adjusted closes alone, whether it is held or not."), "", ""
    ),
    "goals": Definition(
        _("How much of an amount that the portfolio shall reach is there, and what each month has to add to it."),
        "money",
        "books",
    ),
    "risk-tolerance": Definition(_("How much annual volatility the owner says is right for this portfolio."), "", ""),
    "cost-methods": Definition(_("Which lots a sale takes, and so what it cost."), "", "books"),
    "prices-and-price-factors": Definition(_("The last known close of each asset, as it is quoted."), "price"),
    "price-basis": Definition(
        _("Whether a price is what was paid that day, or has past dividends worked into it."), "price"
    ),
    "adjusted-close": Definition(
        _("Closes restated for the splits and dividends since, so that they can be compared."), "price"
    ),
    "exchange-rates": Definition(_("The last known rate of the day or before, of which the figure tells the day.")),
    "corporate-actions": Definition(
        _("Splits, dividends, mergers and the like, booked for everybody who held the asset."), "", "books"
    ),
    "cash": Definition(FIGURES["cash"], "money", "books"),
    "weights": Definition(_("The share of each part in the market value of all holdings."), "fraction", "books"),
    "win-rate-of-disposals": Definition(
        _("The share of the closed disposals that brought a gain."), "fraction", "books"
    ),
    "the-same-money-in-the-benchmark": Definition(
        _("What the same payments would have become in the benchmark."), "money"
    ),
    "held-since": Definition(_("The day on which the oldest of the open lots was opened."), "day", "books"),
    "accrued-interest": Definition(
        _("The interest of a bond since its last coupon, which a buyer pays beside the price."), "money"
    ),
    "accrued-interest-of-a-trade": Definition(
        _("The interest that was paid or received with a bond’s price."), "money", "books"
    ),
    "coupons-and-redemption": Definition(
        _("What a bond still pays: its coupons, and its face value at the end."), "money"
    ),
    "yield-to-maturity": Definition(
        _("The yearly interest that a bond earns if it is held to the end."), "fraction a year"
    ),
    "duration": Definition(
        _("The mean time until a bond’s payments, and so how far its price falls when yields rise."), "years"
    ),
    "convexity": Definition(_("How much the duration itself changes when yields move."), "ratio"),
    "balance-of-an-account": Definition(
        _("The sum of all rows that stand in the account up to the day."), "money", "books"
    ),
    "term-deposit": Definition(
        _("Money lent until a day, with the interest that has accrued so far."), "money", "books"
    ),
    "income-and-expenses": Definition(
        _("What came in and what went out, without transfers between own accounts."), "money", "books"
    ),
    "budget": Definition(
        _("What you mean to spend on a category in a month, beside what was spent."), "money", "books"
    ),
    "what-recurs": Definition(
        _("Payments that come again in about equal amounts after about equal times."), "money", "books"
    ),
    "simple-return": Definition(_("The gain of a period over the value at its beginning."), "fraction", "ex-post"),
    "cumulative-return": Definition(_("All returns of a period compounded."), "fraction", "ex-post"),
    "time-weighted-return": Definition(FIGURES["time_weighted_return"], "fraction", "ex-post"),
    "money-weighted-return": Definition(FIGURES["money_weighted_return"], "fraction", "ex-post"),
    "periods": Definition(_("From the close before a period’s first day to the close of its last one.")),
    "reconciliation": Definition(
        _("How the value came from the start of the period to its end, line by line."), "money", "books"
    ),
    "what-an-asset-earned": Definition(
        _("Gains, dividends and currency effects of one asset over the period."), "money", "books"
    ),
    "income": Definition(FIGURES["income"], "money", "books"),
    "tax-report": Definition(_("What the sales of one calendar year realised, lot by lot."), "money", "books"),
    "rebalancing": Definition(_("Trades that bring weights that have drifted back to their targets."), "money"),
    "annual-return": Definition(FIGURES["annual_return"], "fraction a year", "ex-post"),
    "annual-volatility": Definition(FIGURES["annual_volatility"], "fraction a year", "ex-post"),
    "sharpe-ratio": Definition(FIGURES["sharpe_ratio"], "ratio", "ex-post"),
    "sortino-ratio": Definition(FIGURES["sortino_ratio"], "ratio", "ex-post"),
    "downside-risk": Definition(
        _("How far returns fell short of the risk-free rate, in the root of the mean square."),
        "fraction a year",
        "ex-post",
    ),
    "calmar-ratio": Definition(FIGURES["calmar_ratio"], "ratio", "ex-post"),
    "max-drawdown": Definition(FIGURES["max_drawdown"], "fraction", "ex-post"),
    "beta": Definition(FIGURES["beta"], "ratio", "ex-post"),
    "alpha": Definition(FIGURES["alpha"], "fraction a year", "ex-post"),
    "value-at-risk": Definition(FIGURES["value_at_risk"], "fraction", "ex-post"),
    "expected-shortfall": Definition(FIGURES["expected_shortfall"], "fraction", "ex-post"),
    "ex-ante-returns": Definition(
        _("What the day’s weights would have returned on each past session."), "fraction", "ex-ante"
    ),
    "ex-ante-volatility": Definition(FIGURES["ex_ante_volatility"], "fraction a year", "ex-ante"),
    "ex-ante-beta": Definition(FIGURES["ex_ante_beta"], "ratio", "ex-ante"),
    "methods-of-value-at-risk": Definition(FIGURES["ex_ante_value_at_risk"], "fraction", "ex-ante"),
    "backtest-of-value-at-risk": Definition(
        _("How many of the past days lost more than was forecast for them, beside how many should have."), "sessions"
    ),
    "kupiec-test": Definition(
        _("Whether the number of exceptions fits the level; a p-value below 0.05 speaks against the model."), "ratio"
    ),
    "christoffersen-tests": Definition(
        _("Whether exceptions come one by one and not in clusters; a p-value below 0.05 says that they cluster."),
        "ratio",
    ),
    "basel-traffic-light": Definition(
        _("How believable the model is by its exceptions: green is, yellow is doubtful, red is not.")
    ),
    "skewness": Definition(FIGURES["skewness"], "ratio", "ex-post"),
    "win-rate": Definition(FIGURES["win_rate"], "fraction", "ex-post"),
    "correlation": Definition(FIGURES["correlation"], "ratio", "ex-ante"),
    "risk-contributions": Definition(FIGURES["risk_contribution"], "fraction a year", "ex-ante"),
    "stress-test": Definition(
        _("What the holdings of the day would gain or lose if prices moved as in the scenario."), "fraction", "ex-ante"
    ),
    "optimal-weights": Definition(
        _("The weights that reach the objective best within the limits, by the model’s expectations."),
        "fraction",
        "ex-ante",
    ),
    "risk-parity": Definition(_("Weights with which every asset adds the same to the risk."), "fraction", "ex-ante"),
    "hierarchical-risk-parity": Definition(
        _("Weights that spread risk evenly over groups of assets that move together."), "fraction", "ex-ante"
    ),
    "black-litterman": Definition(
        _("Your views, mixed with the returns that the market’s weights imply, by how sure you are."),
        "fraction a year",
        "ex-ante",
    ),
    "efficient-frontier": Definition(
        _("The least volatility that each expected return needs within the limits."), "fraction a year", "ex-ante"
    ),
    "walk-forward": Definition(
        _("How the same way of finding weights would have done, using on each day only what was known then."),
        "fraction",
    ),
    "factor-sets": Definition(_("Returns of factors over time, as they were loaded."), "fraction"),
    "factor-exposures": Definition(FIGURES["factor_exposure"], "ratio"),
    "factor-alpha": Definition(FIGURES["factor_alpha"], "fraction a year"),
    "rolling-exposures": Definition(_("The exposures over windows that move along the history."), "ratio"),
    "factor-risk": Definition(FIGURES["factor_volatility"], "fraction a year"),
    "risk-by-holding": Definition(FIGURES["factor_holding_total_risk"], "fraction a year", "ex-ante"),
    "return-attribution": Definition(FIGURES["factor_return"], "fraction"),
    "tracking-error": Definition(FIGURES["tracking_error"], "fraction a year", "ex-post"),
    "information-ratio": Definition(FIGURES["information_ratio"], "ratio", "ex-post"),
    "r-squared": Definition(FIGURES["r_squared"], "ratio", "ex-post"),
    "up-capture": Definition(FIGURES["up_capture"], "ratio", "ex-post"),
    "down-capture": Definition(FIGURES["down_capture"], "ratio", "ex-post"),
    "omega-ratio": Definition(FIGURES["omega_ratio"], "ratio", "ex-post"),
    "ulcer-index": Definition(FIGURES["ulcer_index"], "fraction", "ex-post"),
    "tail-ratio": Definition(FIGURES["tail_ratio"], "ratio", "ex-post"),
    "stability": Definition(FIGURES["stability"], "ratio", "ex-post"),
    "excess-kurtosis": Definition(FIGURES["excess_kurtosis"], "ratio", "ex-post"),
    "best-day": Definition(FIGURES["best_day"], "fraction", "ex-post"),
    "worst-day": Definition(FIGURES["worst_day"], "fraction", "ex-post"),
    "figures-by-period": Definition(
        _("Every figure over the last months, years and since the beginning."), "", "ex-post"
    ),
    "rolling-figures": Definition(_("The same figure over windows that move along the history."), "", "ex-post"),
    "return-calendar": Definition(_("The return of each month and of each year."), "fraction", "ex-post"),
    "net-worth": Definition(
        _("Everything that is owned, cash, investments and possessions, less what is owed."), "money", "books"
    ),
    "income-expense-and-savings-rate": Definition(
        _("What came in and went out in the month, and the share of the income that was kept."), "money", "books"
    ),
    "risk-flags": Definition(_("What lies beyond the limits that are looked at every night.")),
    "last-price": Definition(_("The newest quote, or the last close where there is none."), "price"),
    "live-prices": Definition(_("How far the price, or the value, has moved since the close before."), "money"),
    "distance-to-the-target": Definition(
        _("By which part of its price the target lies above or below it."), "fraction"
    ),
}
