from portfolio_site.simulation.run import Summary, simulate

__all__ = ["Summary", "simulate"]
