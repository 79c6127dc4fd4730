"""The pages of analytics."""

from django.urls import path

from analytics import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("cards/<int:portfolio_id>/risk/", views.risk_card, name="risk-card"),
    path("cards/<int:portfolio_id>/value/", views.value_card, name="value-card"),
    path("methods/", views.methods, name="methods"),
]
