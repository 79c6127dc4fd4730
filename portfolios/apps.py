from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PortfoliosConfig(AppConfig):
    name = "portfolios"
    verbose_name = _("Portfolios")

    def ready(self) -> None:
        from django.db.backends.signals import connection_created

        from portfolios.queries.exact_sums import install
        from portfolios.services.sharing import close_to_leaver
        from users.services.organisations import left

        connection_created.connect(install, dispatch_uid="portfolios.exact_sums")
        left.connect(close_to_leaver, dispatch_uid="portfolios.close_to_leaver")
