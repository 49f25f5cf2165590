"""Collections page by page: users as they are shown, counts, links to the next page."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from trueup.sandbox.tenant.properties import DEFAULT, EXTENSIONS, LISTS
from trueup.sandbox.tenant.questions import Answer, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trueup.sandbox.tenant.questions import Expansion, Question, Request
    from trueup.sandbox.tenant.state import Tenant
    from trueup.sandbox.tenant.users import User

Document = dict[str, Any]


def shown(user: Mapping[str, Any], select: tuple[str, ...] | None) -> Document:
    """The user as a list or a single read shows it: exactly what was selected, else the default properties."""
    names, special = _shown_names(select)
    document = {name: user.get(name) for name in names}
    for name in special:
        if name == "onPremisesExtensionAttributes":
            document[name] = {**EXTENSIONS, **(document[name] or {})}
        elif document[name] is None:
            document[name] = []
    return document


@lru_cache(maxsize=256)
def _shown_names(select: tuple[str, ...] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The properties to show, and those of them that are not null when unset."""
    names = tuple(name for name in select or DEFAULT if name != "manager")
    return names, tuple(name for name in names if name in LISTS or name == "onPremisesExtensionAttributes")


def manager_of(tenant: Tenant, user: Mapping[str, Any], expand: Expansion, above: int = 0) -> Document | None:
    """The manager as ``$expand`` shows it, with as many more above as were asked for; none for no manager."""
    if expand.select == ("id",) and expand.levels is None:
        known = bool(user.get("manager")) and tenant.table.has(user["manager"])
        return {"@odata.type": "#microsoft.graph.user", "id": user["manager"]} if known else None
    manager = tenant.table.get(user["manager"]) if user.get("manager") else None
    if manager is None:
        return None
    document = {"@odata.type": "#microsoft.graph.user", **shown(manager, expand.select)}
    if above + 1 < min(expand.levels or 1, 20):
        higher = manager_of(tenant, manager, expand, above + 1)
        if higher is not None:
            document["manager"] = higher
    return document


def users_page(tenant: Tenant, request: Request, question: Question) -> Answer:
    """One page of ``/users``."""
    if between := _empty_page(tenant, request, question):
        return between
    names = {*(question.select or DEFAULT), "manager"}
    if question.filter is None:
        users, position = tenant.table.take(question.position, question.top, names)
    else:
        users, position = _take_filtered(tenant, question)
    hidden = tenant.faults.hidden
    rows = []
    for user in users:
        if user["id"] in hidden:
            continue
        document = shown(user, question.select)
        if question.expand is not None:
            manager = manager_of(tenant, user, question.expand)
            if manager is not None:
                document["manager"] = manager
        rows.append(document)
    return page(
        request,
        question,
        rows,
        position if position < len(tenant.table) else None,
        context="users",
        count=lambda: users_count(tenant, question),
    )


def users_count(tenant: Tenant, question: Question) -> int:
    """How many users there are, or fit the filter."""
    if question.filter is None:
        return tenant.table.count - sum(1 for user_id in tenant.faults.hidden if tenant.table.get(user_id))
    accepts = question.filter.accepts
    return sum(1 for user in tenant.table if accepts(user) and user["id"] not in tenant.faults.hidden)


def _take_filtered(tenant: Tenant, question: Question) -> tuple[list[User], int]:
    found: list[User] = []
    condition = question.filter
    position = question.position
    if condition is not None and condition.ids is not None:
        matching = [user for user_id in dict.fromkeys(condition.ids) if (user := tenant.table.get(user_id))]
        return matching, len(tenant.table)
    while condition is not None and position < len(tenant.table) and len(found) < question.top:
        row, position = tenant.table.take(position, 1)
        found += [each for each in row if condition.accepts(each)]
    return found, position


def _empty_page(tenant: Tenant, request: Request, question: Question) -> Answer | None:
    """Now and then a page without rows: a client that stops there has read half a tenant."""
    every = tenant.empty_page_every
    if not every or question.page % (every + 1) != every:
        return None
    token = {"p": question.position, "n": question.page + 1}
    return _answer({"@odata.nextLink": request.link(skiptoken=encode(token)), "value": []})


def listed(
    request: Request,
    question: Question,
    rows: Sequence[Any],
    *,
    context: str,
    show: Callable[[Any], Document | None] = dict,
) -> Answer:
    """One page of a collection that lies ready; a None is a row that went away.

    ``show`` makes the document of a row, and is only called for the rows of this page.
    """
    position = question.position
    found: list[Document] = []
    while position < len(rows) and len(found) < question.top:
        row = rows[position]
        position += 1
        document = None if row is None else show(row)
        if document is not None:
            found.append(document)
    following = position if any(row is not None for row in rows[position:]) else None
    return page(
        request, question, found, following, context=context, count=lambda: sum(row is not None for row in rows)
    )


def page(
    request: Request,
    question: Question,
    rows: list[Document],
    following: int | None,
    *,
    context: str,
    count: Callable[[], int],
) -> Answer:
    """The document of one page: context, count on the first page where it may be had, link, rows."""
    document: Document = {"@odata.context": f"{request.root}/$metadata#{context}"}
    if question.count and question.page == 0:
        document["@odata.count"] = count()
    if following is not None:
        document["@odata.nextLink"] = request.link(skiptoken=encode({"p": following, "n": question.page + 1}))
    document["value"] = rows
    return _answer(document)


def one(request: Request, document: Document, *, context: str) -> Answer:
    """A single object."""
    return _answer({"@odata.context": f"{request.root}/$metadata#{context}/$entity", **document})


def number(amount: int) -> Answer:
    """A ``$count``: text, with the byte order mark Graph sends."""
    return Answer(200, b"\xef\xbb\xbf" + str(amount).encode(), content_type="text/plain")


def _answer(document: Document) -> Answer:
    return Answer(200, orjson.dumps(document))
