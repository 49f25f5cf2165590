"""Weaknesses of reading: pages, totals, filters and sorting as servers in the field have them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trueup.sandbox.directory.exchange import Asked, Given, refused

if TYPE_CHECKING:
    from trueup.sandbox.directory.exchange import Next
    from trueup.sandbox.directory.state import Directory
    from trueup.sandbox.directory.weaknesses import Weaknesses

_NAME_FILTER = re.compile(r'^\s*(?P<name>\w+)\s+eq\s+"(?P<value>(?:[^"\\]|\\.)*)"\s*$', re.IGNORECASE)


def read(directory: Directory, weak: Weaknesses, asked: Asked, further: Next) -> Given:
    """A list of profiles as this server would give it; everything else passes."""
    if asked.kind != "list" or asked.method != "GET":
        return further(asked)
    if no := _refusal(weak, asked.query):
        return no
    query = _rewritten(weak, asked.query)
    if query is None:
        return _rows(further(replace(asked, query={"count": "0"})), [], 0)
    given = further(replace(asked, query=query))
    document = given.document()
    if given.status != 200 or not isinstance(document, dict):
        return given
    return _bent(directory, weak, asked, given, document, further)


def _refusal(weak: Weaknesses, query: dict[str, str]) -> Given | None:
    count, start = _number(query.get("count"), 0), _number(query.get("startIndex"), 1)
    condition = query.get("filter", "")
    too_large = bool(weak.largest_page) and weak.large_page_refused and count > weak.largest_page
    by_external_id = condition.lower().lstrip().startswith("externalid")
    no = (
        (weak.count_fails and "count" in query, 500, "count is not known here", ""),
        (weak.strict_start and (start < 1 or count < 0), 400, "startIndex and count must be positive", "invalidValue"),
        (too_large, 400, f"count may be at most {weak.largest_page}", "tooMany"),
        (weak.sort_refused and "sortBy" in query, 400, "sorting is not supported", ""),
        (weak.filter_refused and bool(condition), 400, "filtering is not supported", "invalidFilter"),
        (weak.external_id_filter == "fails" and by_external_id, 500, "column externalId does not exist", ""),
    )
    return next((refused(status, detail, kind) for applies, status, detail, kind in no if applies), None)


def _rewritten(weak: Weaknesses, query: dict[str, str]) -> dict[str, str] | None:
    """What is really asked of the server behind; none for no rows."""
    query = dict(query)
    condition = query.get("filter", "")
    known = _NAME_FILTER.match(condition)
    is_strange = weak.unknown_filter_ignored and not (known and known.group("name").lower() == "username")
    if condition and (weak.filter_ignored or is_strange):
        del query["filter"]
    elif condition:
        if weak.and_finds_nothing and re.search(r"\sand\s", condition, re.IGNORECASE):
            return None
        if weak.external_id_filter == "nothing" and condition.lower().lstrip().startswith("externalid"):
            return None
    if weak.explicit_paging_only and not {"startIndex", "count"} <= query.keys():
        return None
    if weak.default_page and "count" not in query:
        query["count"] = str(weak.default_page)
    if weak.largest_page:
        query["count"] = str(min(_number(query.get("count"), weak.largest_page), weak.largest_page))
    return query


def _bent(
    directory: Directory, weak: Weaknesses, asked: Asked, given: Given, document: dict[str, Any], further: Next
) -> Given:
    rows = list(document.get("Resources") or [])
    total = int(document.get("totalResults") or 0)
    start = _number(asked.query.get("startIndex"), 1)
    if not rows and start > max(total, 1) and weak.past_the_end != "empty":
        return _past_the_end(weak, asked, total, further)
    if weak.unsteady_order and asked.query.get("sortBy") != "id" and len(rows) > 1:
        turn = directory.turn("order") % len(rows)
        rows = rows[turn:] + rows[:turn]
        if directory.turn("shift") % 3 == 0 and start > 1:
            rows = _before(asked, start, further) + rows[:-1]
    rows, total = _counted(weak, rows, total)
    if weak.rows_repeat and start > 1 and rows:
        rows = _before(asked, start, further) + rows[:-1]
    if weak.rows_missing and start == 1:
        rows = rows[weak.rows_missing :]
    condition = asked.query.get("filter", "")
    if weak.user_name_case_exact and (found := _NAME_FILTER.match(condition)) and not weak.filter_ignored:
        wanted = found.group("value")
        if found.group("name").lower() == "username":
            rows = [row for row in rows if row.get("userName") == wanted]
            total = len(rows)
    if weak.filter_doubles and condition and len(rows) == 1:
        rows = [*_stranger(rows[0], further, asked), *rows]
        total = len(rows)
    bent = {**document, "totalResults": total + weak.total_off_by, "itemsPerPage": len(rows), "Resources": rows}
    return given.with_document(bent)


def _counted(weak: Weaknesses, rows: list[Any], total: int) -> tuple[list[Any], int]:
    if weak.newest_first:
        rows = sorted(rows, key=lambda row: str((row.get("meta") or {}).get("created"))[:19], reverse=True)
    return rows, min(total, weak.total_capped) if weak.total_capped else total


def _past_the_end(weak: Weaknesses, asked: Asked, total: int, further: Next) -> Given:
    count = _number(asked.query.get("count"), 100)
    start = 1 if weak.past_the_end == "first_page" else max(1, total - count + 1)
    return further(replace(asked, query={**asked.query, "startIndex": str(start)}))


def _before(asked: Asked, start: int, further: Next) -> list[Any]:
    """The row before ``start``."""
    page = further(replace(asked, query={**asked.query, "startIndex": str(start - 1), "count": "1"})).document()
    return list(page.get("Resources") or []) if isinstance(page, dict) else []


def _stranger(row: dict[str, Any], further: Next, asked: Asked) -> list[Any]:
    page = further(replace(asked, query={"startIndex": "1", "count": "2"})).document()
    others = page.get("Resources") or [] if isinstance(page, dict) else []
    return [other for other in others if other["id"] != row["id"]][:1]


def _rows(given: Given, rows: list[Any], total: int) -> Given:
    document = given.document()
    if not isinstance(document, dict):
        return given
    return given.with_document({**document, "totalResults": total, "itemsPerPage": len(rows), "Resources": rows})


def _number(text: str | None, otherwise: int) -> int:
    try:
        return int(text) if text is not None else otherwise
    except ValueError:
        return otherwise
