"""The usual models: choices among the factors of a loaded set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model by its usual name, and the keys of its factors in their usual order."""

    key: str
    name: str
    factors: tuple[str, ...]


MODELS = {
    model.key: model
    for model in (
        Model("capm", "CAPM", ("mkt_rf",)),
        Model("ff3", "Fama–French 3", ("mkt_rf", "smb", "hml")),
        Model("carhart", "Fama–French 3 + momentum", ("mkt_rf", "smb", "hml", "mom")),
        Model("ff5", "Fama–French 5", ("mkt_rf", "smb", "hml", "rmw", "cma")),
        Model("ff5mom", "Fama–French 5 + momentum", ("mkt_rf", "smb", "hml", "rmw", "cma", "mom")),
    )
}
DEFAULT_ORDER = ("ff5mom", "ff5", "carhart", "ff3", "capm")  # the richest first
