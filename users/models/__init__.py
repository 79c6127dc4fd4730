from users.models.organisation import Invitation, Membership, Organisation, Role
from users.models.ownership import BOOKING, MANAGING, Owned, OwnedQuerySet, allowed, one_owner, owned_by
from users.models.user import (
    OVERSEER,
    TokenFamily,
    User,
    known_zones,
    validate_currency,
    validate_locale,
    validate_time_zone,
)

__all__ = [
    "BOOKING",
    "MANAGING",
    "OVERSEER",
    "Invitation",
    "Membership",
    "Organisation",
    "Owned",
    "OwnedQuerySet",
    "Role",
    "TokenFamily",
    "User",
    "allowed",
    "known_zones",
    "one_owner",
    "owned_by",
    "validate_currency",
    "validate_locale",
    "validate_time_zone",
]
