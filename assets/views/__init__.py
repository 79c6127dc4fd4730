"""The pages of market data."""
