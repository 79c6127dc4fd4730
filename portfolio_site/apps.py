from django.apps import AppConfig


class PortfolioSiteConfig(AppConfig):
    name = "portfolio_site"
    verbose_name = "Server"
