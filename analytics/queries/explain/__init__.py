"""How each figure of a portfolio comes about: computed as everywhere, on inputs that record what is done with them."""

from analytics.queries.explain import books, ex_ante, holding, performance, ratios  # noqa: F401  they fill the register
from analytics.queries.explain.register import FIGURES, PERIODS, Explained, Explanation, Question, explain

__all__ = ["FIGURES", "PERIODS", "Explained", "Explanation", "Question", "explain"]
