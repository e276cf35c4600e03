"""Every path of the vault, with the function behind it and the roles that it opens to. What is not here is refused."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property

from emarge.proof.vault import destroy_functions, functions
from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.serving import Answer, Request, Serving

_PARTS = {"<log>": "(?P<log>[^/]{1,64})", "<tile>": "(?P<tile>tile/.{1,80})", "<id>": "(?P<id>[^/]{1,64})"}
Handler = Callable[[Serving, Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """One function: its name in the journal, its method and path, its roles (words in one string), its code."""

    function: str
    method: str
    path: str
    opens_to: str
    handler: Handler

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
ROUTES = (
    Route("deposit", "POST", f"{_LOG}/deposit", "writer", functions.deposit),
    Route("open", "POST", _LOG, "opener", functions.open_log),
    Route("checkpoint", "GET", f"{_LOG}/checkpoint", "writer reader controller auditor", functions.checkpoint),
    Route("vkey", "GET", f"{_LOG}/vkey", _ALL, functions.vkey),
    Route("cosigners", "GET", f"{_LOG}/cosigners", _ALL, functions.cosigners),
    Route("count", "GET", f"{_LOG}/count", "writer reader auditor", functions.count),
    Route("find", "GET", f"{_LOG}/find", "reader", functions.find),
    Route("list", "GET", f"{_LOG}/list", "reader auditor", functions.list_records),
    Route("read", "POST", f"{_LOG}/read", "reader", functions.read),
    Route("metadata", "POST", f"{_LOG}/metadata", "reader auditor", functions.read_metadata),
    Route("destroy", "POST", f"{_LOG}/destroy", "destroyer", destroy_functions.destroy),
    Route("destructions", "GET", f"{_LOG}/destructions", "reader destroyer auditor", destroy_functions.destructions),
    Route("retention", "GET", f"{_LOG}/retention", "reader destroyer auditor", destroy_functions.retention),
    Route("retention.raise", "POST", f"{_LOG}/retention", "destroyer", destroy_functions.raise_retention),
    Route("hold.place", "POST", f"{_LOG}/holds", "destroyer", destroy_functions.place_hold),
    Route("hold.release", "POST", f"{_LOG}/holds/<id>/release", "destroyer", destroy_functions.release_hold),
    Route("tile", "GET", f"{_LOG}/<tile>", "reader", functions.tile),
)


def routes_at(path: str) -> list[tuple[Route, dict[str, str]]]:
    """The functions at a path, one for each method, with the parts of the path."""
    return [(route, match.groupdict()) for route in ROUTES if (match := route.pattern.fullmatch(path))]


def choose(found: list[tuple[Route, dict[str, str]]], method: str) -> tuple[Route, dict[str, str]]:
    """The one of them that answers this method; VaultRefused when there is none."""
    if not found:
        raise VaultRefused("unknown_path", "there is nothing at this path")
    for route, parts in found:
        if route.method == method:
            return route, parts
    raise VaultRefused("wrong_method", f"this path answers {' and '.join(route.method for route, _ in found)} only")
