from django.contrib.admin.apps import AdminConfig

from portfolio_site import names


class AdministrationConfig(AdminConfig):
    """Django's admin with our first page; apps register their models on it as on any other."""

    default_site = "portfolio_site.administration.site.Administration"

    def ready(self) -> None:
        names.translate()  # the first app of all, so that each form takes its labels afterwards
        super().ready()
