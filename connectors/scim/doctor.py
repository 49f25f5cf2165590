"""The "Test Connection" of the target: what ``trueup doctor`` says about it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from trueup.connectors.scim.discovery import discover
from trueup.connectors.scim.paging import list_of
from trueup.connectors.scim.responses import sentence
from trueup.connectors.scim.session import open_session
from trueup.connectors.scim.shape import Shape, disagreements, missing
from trueup.transforms.doctor import Line
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.values.paths import member, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.connectors.scim.discovery import Discovered
    from trueup.connectors.scim.session import Session
    from trueup.transforms.settings import Settings


def examine_target(settings: Settings, managed: Mapping[str, str]) -> list[Line]:
    """One line per thing looked at; a ``fix`` ends the list, since what follows depends on it."""
    lines: list[Line] = []
    try:
        with open_session(settings) as session:
            lines.append(
                Line(
                    "ok",
                    "target address and sign-in",
                    f'target.url and what target.auth = "{settings.target.auth}" needs resolve.',
                )
            )
            lines += _looked_at(session, managed)
    except Misused as error:
        lines.append(Line("fix", "target configuration", error.message, error.remedy))
    except Failed as error:
        lines.append(Line("fix", "SCIM connection", error.message, error.remedy))
    return lines


def _looked_at(session: Session, managed: Mapping[str, str]) -> list[Line]:
    answer = session.get("/Users", {"startIndex": "1", "count": "1"})
    if not answer.is_ok:
        answer = session.get("/Users", {"startIndex": "1"})
    document = list_of(answer)
    if document is None:
        return [
            Line(
                "fix",
                "SCIM list",
                f"The target's list of users {sentence(answer)} without being a SCIM ListResponse.",
                "Check that target.url ends where /Users begins, and that the token may read users.",
            )
        ]
    lines = [
        Line("ok", "SCIM list", f"Answers with a ListResponse; it states {member(document, 'totalResults')} users.")
    ]
    lines.append(_filter(session))
    found = discover(session)
    lines += _documents(found)
    if managed:
        lines += _against_mapping(Shape(found.attributes), managed)
    return lines


def _against_mapping(shape: Shape, managed: Mapping[str, str]) -> list[Line]:
    """What the target's schema demands, forbids or does not know of what the mapping gives."""
    lines = []
    if lacking := missing(shape, managed):
        lines.append(
            Line(
                "warning",
                "SCIM schema",
                f"The target demands {', '.join(lacking)} of every profile, and the mapping does not give it.",
                "Map it, or expect creations to be refused.",
            )
        )
    for path in managed:
        if why := shape.bars(parse(path), creating=False):
            text = f"{path} will not be written: {why}."
            lines.append(Line("warning", "SCIM schema", text, "Take it out of the mapping, or leave it: it is named."))
    for path, why in disagreements(shape, managed).items():
        fix = "Change the expression or the path, or expect profiles that do not take it: they are named."
        lines.append(Line("warning", "SCIM schema", f"{path}: {why}.", fix))
    if strange := [path for path in managed if shape.is_unknown(parse(path))]:
        text = f"The target's schema does not name {', '.join(strange)}; each is tried by itself."
        lines.append(Line("warning", "SCIM schema", text, "Nothing to do; what is not kept is named."))
    return lines


def _filter(session: Session) -> Line:
    """Entra's own test: nobody has a random user name, so the list must be empty."""
    answer = session.get("/Users", {"filter": f'userName eq "{uuid.uuid4()}"', "startIndex": "1", "count": "2"})
    document = list_of(answer)
    if document is None:
        text = f"A filter on userName {sentence(answer)}; people are looked up by full listings instead."
        return Line("warning", "SCIM filter", text, "Nothing to do; applies with many creations take longer.")
    if member(document, "Resources"):
        text = "The target ignores filters and returns everybody; what comes back is always checked."
        return Line("warning", "SCIM filter", text, "Nothing to do; applies with many creations take longer.")
    return Line("ok", "SCIM filter", "A user name nobody has gives an empty list.")


def _documents(found: Discovered) -> list[Line]:
    lines = []
    if found.missing:
        names = ", ".join(found.missing)
        lines.append(
            Line("warning", "SCIM discovery", f"Not offered: {names}. Trueup learns by trying.", "Nothing to do.")
        )
    said = found.capabilities
    claims = ", ".join(
        f"{name} {'yes' if claim else 'no' if claim is False else 'not said'}"
        for name, claim in (
            ("PATCH", said.patch),
            ("filter", said.filter),
            ("ETag", said.etag),
            ("sort", said.sort),
            ("bulk", said.bulk),
        )
    )
    most = f"; at most {said.max_results} per page" if said.max_results else ""
    lines.append(Line("ok", "SCIM capabilities", f"The target says: {claims}{most}. What it does decides."))
    if found.attributes:
        lines.append(Line("ok", "SCIM schema", f"{len(found.attributes)} user attributes are described."))
    return lines
