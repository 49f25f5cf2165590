"""A request to Graph and what its query options ask for, refused where Graph refuses."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson

from trueup.sandbox.tenant import filters
from trueup.sandbox.tenant.errors import GraphError, bad_request, unsupported
from trueup.sandbox.tenant.properties import ONE_AT_A_TIME, is_known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGEST_PAGE = 999
DEFAULT_PAGE = 100
SIGN_IN_PAGE = 120
"""With ``signInActivity`` pages are smaller, whatever was asked for."""
_TAKEN = frozenset(
    {"$select", "$top", "$expand", "$filter", "$count", "$skiptoken", "$deltatoken", "$orderby", "$search", "$format"}
)
_EXPAND = re.compile(r"^manager(?:\((?P<options>.*)\))?$")


@dataclass(frozen=True, slots=True)
class Request:
    """One request below ``/v1.0``, from the wire or from within a batch."""

    method: str
    path: str
    """Below the version, percent-decoded, without a leading slash."""
    query: str
    """As sent."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    root: str = ""
    """Scheme, host and version as the caller sees them: links start with it."""

    @property
    def options(self) -> dict[str, str]:
        """The query options by name, with their ``$``."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def eventual(self) -> bool:
        """Whether the caller takes answers from the index that may lag."""
        return self.headers.get("consistencylevel", "").lower() == "eventual"

    def link(self, **changed: str | None) -> str:
        """The absolute URL of this request with some options changed, none taking one away."""
        options = {**self.options, **{f"${name}": value for name, value in changed.items()}}
        kept = {name: value for name, value in options.items() if value is not None}
        return f"{self.root}/{quote(self.path)}?{urlencode(kept, quote_via=quote, safe='$,()')}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body of an answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false"


@dataclass(frozen=True, slots=True)
class Expansion:
    """What ``$expand=manager`` asks for."""

    select: tuple[str, ...] | None = None
    levels: int | None = None
    """How many managers up; none where ``$levels`` was not given."""


@dataclass(frozen=True, slots=True)
class Question:
    """The query options of a collection, read."""

    select: tuple[str, ...] | None
    top: int
    asked_top: int | None
    expand: Expansion | None
    filter: filters.Filter | None
    count: bool
    """Whether the count is wanted and may be had."""
    token: dict[str, Any]
    """What the skiptoken holds, empty on the first page."""

    @property
    def position(self) -> int:
        """Where the page begins."""
        return int(self.token.get("p", 0))

    @property
    def page(self) -> int:
        """The page's number, from nought."""
        return int(self.token.get("n", 0))


def read(request: Request, *, known: Callable[[str], bool] = is_known, expandable: bool = True) -> Question:
    """The question, or a :class:`GraphError` as Graph words it."""
    options = request.options
    _refuse_unknown_options(options)
    expand = _expansion(options.get("$expand"), expandable=expandable)
    wants_count = options.get("$count", "").lower() == "true"
    advanced = request.eventual and wants_count
    _refuse_expanding_advanced(expand, advanced=advanced)
    condition = filters.parse(options["$filter"], is_known=known) if "$filter" in options else None
    if condition is not None and condition.advanced and not advanced:
        raise unsupported(
            "Unsupported Query: the filter needs the header ConsistencyLevel: eventual and the option $count=true."
        )
    select = _selection(options.get("$select"), known)
    asked = _top(options.get("$top"))
    top = DEFAULT_PAGE if asked is None else asked
    if select and "signInActivity" in select:
        top = min(top, SIGN_IN_PAGE)
    token = decode(options["$skiptoken"]) if "$skiptoken" in options else {}
    return Question(select, top, asked, expand, condition, advanced, token)


def encode(token: Mapping[str, Any]) -> str:
    """An opaque token of the page or the delta."""
    return base64.urlsafe_b64encode(orjson.dumps(dict(token))).decode().rstrip("=")


def decode(text: str) -> dict[str, Any]:
    """What :func:`encode` put in; anything else is refused as Graph refuses it."""
    try:
        token = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, orjson.JSONDecodeError, UnicodeEncodeError):
        token = None
    if not isinstance(token, dict):
        raise bad_request("Skip token is not valid.")
    return token


def _refuse_unknown_options(options: Mapping[str, str]) -> None:
    for name in options:
        if name == "$skip":
            raise bad_request("'$skip' is not supported by the service.")
        if name.startswith("$") and name not in _TAKEN:
            raise bad_request(f"The query specified in the URI is not valid: '{name}' is unknown.")
    if "$orderby" in options or "$search" in options:
        raise unsupported("Sorting and searching are not supported for this query.")


def _selection(text: str | None, known: Callable[[str], bool]) -> tuple[str, ...] | None:
    if text is None or not text.strip():
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if not known(name) and name != "manager":
            raise bad_request(
                "Parsing OData Select and Expand failed: Could not find a property named "
                f"'{name}' on type 'microsoft.graph.user'."
            )
    return names


def refuse_single_only(select: tuple[str, ...] | None) -> None:
    """501 where a collection is asked for what only a single user has."""
    for name in select or ():
        if name in ONE_AT_A_TIME:
            raise GraphError(501, "NotImplemented", f"The property '{name}' cannot be read on a collection.")


def _top(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"-?\d+", text) or not 1 <= int(text) <= LARGEST_PAGE:
        raise bad_request(
            f"Invalid page size specified: '{text}'. Must be between 1 and {LARGEST_PAGE} inclusive.",
        )
    return int(text)


def _expansion(text: str | None, *, expandable: bool) -> Expansion | None:
    if not text:
        return None
    found = _EXPAND.match(text.strip())
    if not expandable or found is None:
        raise bad_request(f"Parsing OData Select and Expand failed: '{text}' cannot be expanded here.")
    select: tuple[str, ...] | None = None
    levels: int | None = None
    for option in filter(None, (found.group("options") or "").split(";")):
        name, _, value = option.strip().partition("=")
        if name == "$select":
            select = _selection(value, is_known)
        elif name == "$levels" and (value == "max" or (value.isdigit() and 1 <= int(value) <= 1000)):
            levels = 1000 if value == "max" else int(value)
        else:
            raise bad_request(f"Parsing OData Select and Expand failed: '{option}' is not valid.")
    return Expansion(select, levels)


def _refuse_expanding_advanced(expand: Expansion | None, *, advanced: bool) -> None:
    if expand is None:
        return
    if expand.levels is None and advanced:
        raise unsupported("$expand is not supported together with $count and ConsistencyLevel: eventual.")
    if expand.levels is not None and not advanced:
        raise unsupported("$levels needs the header ConsistencyLevel: eventual and the option $count=true.")


def with_option(request: Request, name: str, value: str) -> Request:
    """The same request with one option set."""
    return replace(request, query=urlencode({**request.options, name: value}, quote_via=quote))
