"""Judges portfolios: the risk engine, and the figures it stores and shows."""
