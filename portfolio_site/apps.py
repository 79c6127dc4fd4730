from django.apps import AppConfig
from django.utils.translation import gettext

from core.errors import DomainError


class PortfolioSiteConfig(AppConfig):
    name = "portfolio_site"
    verbose_name = "Server"

    def ready(self) -> None:
        DomainError.wording = gettext
