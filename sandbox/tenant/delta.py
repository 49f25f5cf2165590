"""``/users/delta``: everything once, then what changed since."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from trueup.sandbox.tenant import questions
from trueup.sandbox.tenant.errors import GraphError, bad_request
from trueup.sandbox.tenant.permissions import require
from trueup.sandbox.tenant.properties import DEFAULT, EXTENSIONS, UNTRACKED
from trueup.sandbox.tenant.questions import LARGEST_PAGE, Answer, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trueup.sandbox.tenant.questions import Request
    from trueup.sandbox.tenant.state import Moved, Tenant

Row = dict[str, Any]
_MOST_IDS = 50
_PAGE = 200


def answer(tenant: Tenant, request: Request, roles: frozenset[str]) -> Answer:
    """A page of the first round or of a later one; the last page of a round carries the deltaLink."""
    require(roles, "users")
    token = _token(tenant, request)
    if token["q"] < tenant.oldest_delta:
        raise expired()
    if "to" in token:
        return _changes_page(tenant, request, token)
    return _first_round_page(tenant, request, token)


def expired() -> GraphError:
    """400: the state behind the token is gone, read everything again."""
    return GraphError(400, "syncStateNotFound", "The delta token is expired and the data must be synchronized again.")


def gone(root: str) -> GraphError:
    """410: the service was reset; the Location starts over."""
    return GraphError(410, "resyncRequired", "Resync required.", {"Location": f"{root}/users/delta?$deltatoken="})


def _token(tenant: Tenant, request: Request) -> dict[str, Any]:
    """What the request goes on from: ``s`` selection, ``f`` ids, ``q`` moves seen, ``to`` moves shown, ``p`` place."""
    options = request.options
    for name in ("$expand", "$top", "$orderby", "$search", "$count", "$skip"):
        if name in options:
            raise bad_request(f"'{name}' is not supported on delta queries.")
    if text := options.get("$skiptoken"):
        return {"n": 0, **decode(text)}
    if (text := options.get("$deltatoken")) and text != "latest":
        token = decode(text)
        return {**token, "to": len(tenant.moves), "p": 0, "n": 0}
    question = questions.read(request, expandable=False)
    questions.refuse_single_only(question.select)
    ids = None
    if question.filter is not None:
        ids = question.filter.ids
        if ids is None or len(ids) > _MOST_IDS:
            raise bad_request(f"Delta queries can be filtered by at most {_MOST_IDS} ids only.")
    start = {"s": question.select, "f": ids, "q": len(tenant.moves), "p": 0, "n": 0}
    return {**start, "to": len(tenant.moves)} if text == "latest" else start


def _page_size(request: Request) -> int:
    found = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", ""))
    return max(1, min(LARGEST_PAGE, int(found.group(1)))) if found else _PAGE


def _first_round_page(tenant: Tenant, request: Request, token: dict[str, Any]) -> Answer:
    every = tenant.empty_page_every
    if every and token["n"] % (every + 1) == every:
        return _document(request, [], following={**token, "n": token["n"] + 1})
    users, position = tenant.table.take(token["p"], _page_size(request))
    rows = [
        _whole(tenant, user, token["s"], None)
        for user in users
        if (token["f"] is None or user["id"] in token["f"]) and user["id"] not in tenant.faults.hidden
    ]
    if position < len(tenant.table):
        return _document(request, rows, following={**token, "p": position, "n": token["n"] + 1})
    # Deletions of the past show up in the very first round too.
    rows += [_removed(key, "changed") for key in tenant.deleted if token["f"] is None or key in token["f"]]
    return _document(request, rows, delta=_next(token, token["q"]))


def _changes_page(tenant: Tenant, request: Request, token: dict[str, Any]) -> Answer:
    moves = tenant.moves[token["q"] : token["to"]]
    tracked = frozenset(token["s"] or DEFAULT) - UNTRACKED
    touched: dict[str, list[Moved]] = {}
    for move in moves:
        wanted = token["f"] is None or move.user_id in token["f"]
        if wanted and move.user_id and (not move.properties or move.properties & tracked):
            touched.setdefault(move.user_id, []).append(move)
    minimal = "return=minimal" in request.headers.get("prefer", "")
    size = _page_size(request)
    keys = list(touched)[token["p"] : token["p"] + size]
    rows = [row for key in keys if (row := _changed(tenant, key, touched[key], token["s"], minimal=minimal))]
    if token["p"] + size < len(touched):
        return _document(request, rows, following={**token, "p": token["p"] + size})
    return _document(request, rows, delta=_next(token, token["to"]))


def _changed(
    tenant: Tenant, key: str, moves: Sequence[Moved], select: Sequence[str] | None, *, minimal: bool
) -> Row | None:
    """What a round tells of one user; None of somebody away since an earlier round, whatever moved meanwhile."""
    user = tenant.table.get(key)
    if user is None:
        if all(move.properties for move in moves):
            return None
        return _removed(key, "changed" if key in tenant.deleted else "deleted")
    whole = any(not move.properties for move in moves)
    names = select or DEFAULT
    if minimal and not whole:
        changed = frozenset().union(*(move.properties for move in moves))
        names = [name for name in names if name in changed]
    managers = [move.before_manager for move in moves if "manager" in move.properties]
    return _whole(tenant, user, names, None if whole and not managers else managers)


def _whole(
    tenant: Tenant, user: Mapping[str, Any], select: Iterable[str] | None, before: Sequence[str | None] | None
) -> Row:
    """The user with every selected property it ever had; ``before`` holds managers that may have been taken away.

    An empty ``before`` means that the manager did not move and is not told.
    """
    row: Row = {"id": user["id"]}
    for name in select or DEFAULT:
        if name == "manager":
            row.update(_manager(tenant, user, before))
        elif name == "onPremisesExtensionAttributes" and name in user:
            row[name] = {**EXTENSIONS, **(user[name] or {})}
        elif name in user:
            row[name] = user[name]
    return row


def _manager(tenant: Tenant, user: Mapping[str, Any], before: Sequence[str | None] | None) -> Row:
    if before is not None and not before:
        return {}
    manager = user.get("manager")
    now = manager if manager and tenant.table.get(manager) else None
    entries: list[Row] = [
        {"@odata.type": "#microsoft.graph.user", "id": key, "@removed": {"reason": "deleted"}}
        for key in dict.fromkeys(before or ())
        if key and key != now
    ]
    if now:
        entries.append({"@odata.type": "#microsoft.graph.user", "id": now})
    return {"manager@delta": entries} if entries else {}


def _removed(key: str, reason: str) -> Row:
    return {"id": key, "@removed": {"reason": reason}}


def _next(token: Mapping[str, Any], moves: int) -> dict[str, Any]:
    return {"s": token["s"], "f": token["f"], "q": moves}


def _document(
    request: Request,
    rows: list[Row],
    *,
    following: Mapping[str, Any] | None = None,
    delta: Mapping[str, Any] | None = None,
) -> Answer:
    document: dict[str, Any] = {"@odata.context": f"{request.root}/$metadata#users"}
    base = f"{request.root}/users/delta"
    if following is not None:
        document["@odata.nextLink"] = f"{base}?$skiptoken={encode(following)}"
    if delta is not None:
        document["@odata.deltaLink"] = f"{base}?$deltatoken={encode(delta)}"
    return Answer(200, orjson.dumps({**document, "value": rows}))
