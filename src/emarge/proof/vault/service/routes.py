"""Every path of the vault, with the function behind it and the roles that it opens to. What is not here is refused."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property

from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.service import dated_functions, destroy_functions, functions, oversight
from emarge.proof.vault.service.serving import Answer, Request, Serving

_PARTS = {
    "<log>": "(?P<log>[^/]{1,64})",
    "<tile>": "(?P<tile>tile/.{1,80})",
    "<id>": "(?P<id>[^/]{1,64})",
    "<day>": "(?P<day>[^/]{1,16})",
}
Handler = Callable[[Serving, Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """One function: its name in the journal, its method and path, its roles (words in one string), its code."""

    function: str
    method: str
    path: str
    opens_to: str
    handler: Handler
    changes: bool = False
    """Whether it changes the log: nobody does that to the vault's own."""

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(self.opens_to.split())

    @cached_property
    def pattern(self) -> "re.Pattern[str]":
        text = self.path
        for part, expression in _PARTS.items():
            text = text.replace(part, expression)
        return re.compile(text, re.ASCII)


_ALL = "opener writer reader destroyer controller auditor"
_LOG = "/logs/<log>"
_HOLD = f"{_LOG}/holds/<id>"
ROUTES = (
    Route("deposit", "POST", f"{_LOG}/deposit", "writer", functions.deposit, changes=True),
    Route("open", "POST", _LOG, "opener", functions.open_log, changes=True),
    Route("checkpoint", "GET", f"{_LOG}/checkpoint", "writer reader controller auditor", functions.checkpoint),
    Route("vkey", "GET", f"{_LOG}/vkey", _ALL, functions.vkey),
    Route("cosigners", "GET", f"{_LOG}/cosigners", _ALL, functions.cosigners),
    Route("count", "GET", f"{_LOG}/count", "writer reader auditor", functions.count),
    Route("find", "GET", f"{_LOG}/find", "reader", functions.find),
    Route("list", "GET", f"{_LOG}/list", "reader auditor", functions.list_records),
    Route("read", "POST", f"{_LOG}/read", "reader", functions.read),
    Route("metadata", "POST", f"{_LOG}/metadata", "reader auditor", functions.read_metadata),
    Route("dated", "GET", f"{_LOG}/dated", "reader controller auditor", dated_functions.sizes),
    Route("dated.read", "POST", f"{_LOG}/dated", "reader controller auditor", dated_functions.read),
    Route("destroy", "POST", f"{_LOG}/destroy", "destroyer", destroy_functions.destroy, changes=True),
    Route("destructions", "GET", f"{_LOG}/destructions", "reader destroyer auditor", destroy_functions.destructions),
    Route("retention", "GET", f"{_LOG}/retention", "reader destroyer auditor", destroy_functions.retention),
    Route("retention.raise", "POST", f"{_LOG}/retention", "destroyer", destroy_functions.raise_retention, changes=True),
    Route("hold.place", "POST", f"{_LOG}/holds", "destroyer", destroy_functions.place_hold, changes=True),
    Route(
        "hold.release", "POST", f"{_LOG}/holds/<id>/release", "destroyer", destroy_functions.release_hold, changes=True
    ),
    Route("tile", "GET", f"{_LOG}/<tile>", "reader", functions.tile),
    Route("control", "POST", f"{_LOG}/control", "controller", oversight.control),
    Route("controlled", "GET", f"{_LOG}/control", "controller auditor", oversight.controlled),
    Route("journal_days", "GET", "/journal", "auditor", oversight.journal_days),
    Route("journal", "GET", "/journal/<day>", "auditor", oversight.journal_of),
)


def choose(path: str, method: str) -> tuple[Route | None, dict[str, str]]:
    """The function at a path that answers this method, and the parts of the path; None when there is none."""
    for route in ROUTES:
        if route.method == method and (match := route.pattern.fullmatch(path)):
            return route, match.groupdict()
    return None, {}


def refusal(path: str) -> VaultRefused:
    """Why no function answered."""
    methods = [route.method for route in ROUTES if route.pattern.fullmatch(path)]
    if methods:
        return VaultRefused("wrong_method", f"this path answers {' and '.join(methods)} only")
    return VaultRefused("unknown_path", "there is nothing at this path")
