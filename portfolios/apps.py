from django.apps import AppConfig


class PortfoliosConfig(AppConfig):
    name = "portfolios"
    verbose_name = "Portfolios"

    def ready(self) -> None:
        from portfolios.services.sharing import close_to_leaver
        from users.services.organisations import left

        left.connect(close_to_leaver, dispatch_uid="portfolios.close_to_leaver")
