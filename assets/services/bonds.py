"""The terms of bonds: set, changed, removed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from django.db import transaction

from activity.services import record
from assets.bonds import BadTerms, BondTerms
from assets.models import ActionProposal, Asset, AssetType, Bond, ProposalState
from assets.services.history import move_price_versions
from core.money import EXACT

if TYPE_CHECKING:
    from users.models import User

OWN_TERMS = "bond terms"  # who announces coupons and redemptions, beside the feeds
SCALE = -10


class NoBond(BadTerms):
    """Only a bond has such terms."""


class NoTerms(BadTerms):
    """The terms of this bond are not known."""


def check_terms(asset: Asset, terms: BondTerms) -> None:
    """Refuse terms that cannot be kept of ``asset``. Raises NoBond, BadTerms."""
    if asset.type != AssetType.BOND:
        raise NoBond("{symbol} is no bond.", symbol=asset.symbol, field="asset")
    for name in ("coupon", "redemption"):
        if int(getattr(terms, name).normalize(EXACT).as_tuple().exponent) < SCALE:
            raise BadTerms("At most {decimals} decimals are kept.", decimals=-SCALE, field=name)


@transaction.atomic
def set_terms(*, asset: Asset, terms: BondTerms, actor: User | None) -> Bond:
    """Keep what a bond promises, in the place of what was known.

    What is derived from its prices is read again. Coupons that were proposed by other terms and not decided are
    withdrawn; those that fit the new ones are proposed again. Raises what ``check_terms`` does.
    """
    _touch(asset)
    check_terms(Asset.objects.get(pk=asset.pk), terms)
    bond, _ = Bond.objects.update_or_create(asset=asset, defaults=asdict(terms))
    data = {name: str(value) for name, value in asdict(terms).items()}
    record(actor=actor, action="bond.set", subject=bond, data={"asset": asset.symbol} | data)
    return bond


@transaction.atomic
def remove_terms(*, asset: Asset, actor: User | None) -> None:
    """Forget what a bond promises; what was booked stays. Raises NoTerms."""
    _touch(asset)
    bond = Bond.objects.filter(asset=asset).first()
    if bond is None:
        raise NoTerms(field="asset")
    record(actor=actor, action="bond.removed", subject=bond, data={"asset": asset.symbol})
    bond.delete()


def _touch(asset: Asset) -> None:
    """Lock the clock and the asset, and take back what the terms of until now had proposed."""
    move_price_versions(Asset.objects.filter(pk=asset.pk))
    mine = ActionProposal.objects.open().filter(asset=asset, provider=OWN_TERMS)
    mine.update(state=ProposalState.SUPERSEDED, accepted_at=None)
