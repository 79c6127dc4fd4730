"""Login over the API and the caller's profile."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from axes.utils import reset
from django.contrib.auth import authenticate
from django.contrib.auth.models import update_last_login
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.generics import RetrieveUpdateAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import StrictSerializer
from core.parsing import StrictFormParser, StrictJSONParser
from users import services
from users.lockout import LockedOut
from users.models import User
from users.tickets import LIFE, new_ticket
from users.tokens import RefreshClaims, TokenPair, new_pair, read_refresh


class LoginRefused(exceptions.APIException):
    """401 with the error members of RFC 6749, section 5.2, beside those of a problem."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "invalid_grant"
    auth_header = 'Bearer realm="api"'

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.members = {"error": "invalid_grant", "error_description": detail}


class CredentialsSerializer(StrictSerializer):
    """The form fields of the OAuth2 password grant; clients have no identity of their own here."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False, style={"input_type": "password"})
    grant_type = serializers.ChoiceField(["password"], required=False)
    scope = serializers.CharField(required=False, allow_blank=True, max_length=500)
    client_id = serializers.CharField(required=False, allow_blank=True, max_length=500)
    client_secret = serializers.CharField(required=False, allow_blank=True, max_length=500)


class RefreshSerializer(StrictSerializer):
    refresh_token = serializers.CharField(max_length=4000)
    grant_type = serializers.ChoiceField(["refresh_token"], required=False)
    scope = serializers.CharField(required=False, allow_blank=True, max_length=500)
    client_id = serializers.CharField(required=False, allow_blank=True, max_length=500)
    client_secret = serializers.CharField(required=False, allow_blank=True, max_length=500)


class TokenPairSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")


class _Public(APIView):
    """A view that logs in: no credentials but those in the body."""

    authentication_classes = []
    permission_classes = []
    parser_classes = [StrictJSONParser, StrictFormParser]


def _input(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return cast("dict[str, Any]", serializer.validated_data)


class TokenView(_Public):
    @extend_schema(
        operation_id="auth_token_create", request=CredentialsSerializer, responses=TokenPairSerializer, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Log in with name and password. Five failures lock the name for 15 minutes."""
        given = _input(CredentialsSerializer(data=request.data))
        user = _log_in(request._request, given["username"], given["password"])  # noqa: SLF001  axes marks this one
        pair = new_pair(user)
        services.open_login(user=user, family=pair.family, jti=pair.jti, expires_at=pair.expires_at)
        return _answer(pair)


def _log_in(request: HttpRequest, username: str, password: str) -> User:
    user = authenticate(request, username=username, password=password)
    if getattr(request, "axes_locked_out", False):
        raise LockedOut
    if user is None:
        raise LoginRefused("The name or the password is wrong.")
    # Not user_logged_in: its receivers would open a browser session for every token.
    reset(username=username, ip=getattr(request, "axes_ip_address", None))
    update_last_login(None, user)  # type: ignore[arg-type]
    return user


def _answer(pair: TokenPair) -> Response:
    return Response(pair.as_answer(), headers={"Cache-Control": "no-store"})


class RefreshView(_Public):
    @extend_schema(operation_id="auth_token_refresh", request=RefreshSerializer, responses=TokenPairSerializer, auth=[])
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for new tokens. It works once; using it again ends the login."""
        claims = read_refresh(_input(RefreshSerializer(data=request.data))["refresh_token"])
        user = User.objects.filter(pk=claims.user_id).first() if claims else None
        if claims is None or user is None or not claims.fits(user):
            raise LoginRefused("This refresh token is not valid, or no longer. Log in again.")
        return _answer(_next_pair(user, claims))


def _next_pair(user: User, claims: RefreshClaims) -> TokenPair:
    pair = new_pair(user, claims.family)
    try:
        services.rotate_login(family=claims.family, used=claims.jti, following=pair.jti, expires_at=pair.expires_at)
    except services.TokenUsedTwice as error:
        raise LoginRefused(error.message) from error
    return pair


class RevokeView(_Public):
    @extend_schema(operation_id="auth_token_revoke", request=RefreshSerializer, responses={204: None}, auth=[])
    def post(self, request: Request) -> Response:
        """End the login of a refresh token, its access tokens included. An unknown token is no error (RFC 7009)."""
        claims = read_refresh(_input(RefreshSerializer(data=request.data))["refresh_token"])
        if claims is not None:
            services.end_login(family=claims.family)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds in which the ticket opens one connection.")


class TicketView(APIView):
    @extend_schema(operation_id="live_ticket", request=None, responses=TicketSerializer)
    def post(self, request: Request) -> Response:
        """A ticket for one WebSocket: `/ws/quotes/?ticket=…`, for programs that have a token and no session."""
        answer = {"ticket": new_ticket(cast("User", request.user)), "expires_in": LIFE}
        return Response(answer, headers={"Cache-Control": "no-store"})


class ProfileSerializer(StrictSerializer, serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields: ClassVar = [
            *("id", "username", "email", "first_name", "last_name", "base_currency", "time_zone", "locale"),
            *("is_staff", "date_joined", "last_login"),
        ]
        read_only_fields: ClassVar = ["id", "username", "is_staff", "date_joined", "last_login"]


class ProfileView(RetrieveUpdateAPIView[User]):
    """The caller: names, base currency, time zone and locale."""

    serializer_class = ProfileSerializer
    permission_classes = [IsAuthenticated]  # of one's own row, which has no door
    http_method_names = ["get", "patch", "head", "options"]

    def get_object(self) -> User:
        return cast("User", self.request.user)

    def perform_update(self, serializer: serializers.BaseSerializer[User]) -> None:
        serializer.instance = services.change_profile(user=self.get_object(), changes=serializer.validated_data)
