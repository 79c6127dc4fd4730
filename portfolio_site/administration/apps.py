from django.contrib.admin.apps import AdminConfig


class AdministrationConfig(AdminConfig):
    """Django's admin with our first page; apps register their models on it as on any other."""

    default_site = "portfolio_site.administration.site.Administration"
