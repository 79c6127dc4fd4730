"""The pages that judge: the Dashboard, one holding with its prices, the tax report, the page of methods."""
