"""Bearer tokens: who sends the request, and whether that login still stands."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from users.models import TokenFamily, User
from users.tokens import FAMILY


class BearerAuthentication(JWTAuthentication):
    """Reads the user and the state of the login in one query; an ended login ends its access tokens too."""

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]
        login = (
            TokenFamily.objects.select_related("user")
            .filter(
                pk=validated_token.get(FAMILY),
                user_id=validated_token.get(api_settings.USER_ID_CLAIM),
                revoked_at__isnull=True,
            )
            .first()
        )
        if login is None or not login.user.is_active:
            raise AuthenticationFailed("This login has ended. Log in again.", code="login_ended")
        if validated_token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(login.user.password):
            raise AuthenticationFailed("The password was changed. Log in again.", code="password_changed")
        return login.user


class BearerScheme(OpenApiAuthenticationExtension):
    """Lets Swagger's Authorize form take a name and a password, or a token."""

    target_class = BearerAuthentication
    name = ["login", "token"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]  # either will do

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        flow = {"tokenUrl": "/api/auth/token", "refreshUrl": "/api/auth/token/refresh", "scopes": {}}
        return [
            {"type": "oauth2", "flows": {"password": flow}},
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        ]
