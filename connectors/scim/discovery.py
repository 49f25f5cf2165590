"""What a server says of itself: read tolerantly, believed with reserve (RFC 7643 §5–§7, RFC 7644 §4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.transforms.attributes import TargetSchema
from trueup.transforms.values.equality import canonical
from trueup.transforms.values.paths import CORE, ScimPath, member, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.connectors.scim.session import Session


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What ``/ServiceProviderConfig`` claims; none where it says nothing."""

    patch: bool | None = None
    filter: bool | None = None
    etag: bool | None = None
    sort: bool | None = None
    bulk: bool | None = None
    max_results: int | None = None
    cursor: bool = False
    index: bool = True
    """False when paging by ``startIndex`` is explicitly not offered (RFC 9865 §4)."""

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            name: getattr(self, name)
            for name in ("patch", "filter", "etag", "sort", "bulk", "max_results", "cursor", "index")
        }


@dataclass(frozen=True, slots=True)
class Discovered:
    """The three discovery documents as far as they came."""

    capabilities: Capabilities = field(default_factory=Capabilities)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Lower-cased plain path (``name.givenname``, ``urn:…:user:department``) → the attribute's definition."""
    digest: str = ""
    missing: tuple[str, ...] = ()
    """Documents that did not come or could not be read."""

    def schema_of(self, paths: Iterable[str]) -> TargetSchema:
        """What is known of ``paths``: case, mutability, and which of them no schema names."""
        case_exact: dict[str, bool] = {}
        read_only: set[str] = set()
        unknown: set[str] = set()
        for text in paths:
            definition = self.definition(parse(text))
            if definition is None:
                if self.attributes and text not in {"id", "externalId"}:
                    unknown.add(text)
                continue
            if isinstance(definition.get("caseExact"), bool):
                case_exact[text] = definition["caseExact"]
            if definition.get("mutability") == "readOnly":
                read_only.add(text)
        return TargetSchema(case_exact, frozenset(read_only), frozenset(unknown), self.digest)

    def definition(self, path: ScimPath) -> dict[str, Any] | None:
        """The definition of the attribute at ``path``; a reference is looked up as a whole, then by its value."""
        for candidate in (path, ScimPath(path.attribute, path.schema, (), "value")):
            if found := self.attributes.get(candidate.plain.lower()):
                return found
        return None


def discover(session: Session) -> Discovered:
    """Read the three documents; one that is missing or malformed is left out, never an error.

    Raises:
        Failed: the server cannot be reached or refuses the token.
    """
    documents: dict[str, Any] = {}
    missing = []
    for name in ("ServiceProviderConfig", "Schemas", "ResourceTypes"):
        answer = session.get(f"/{name}")
        read = answer.json if answer.is_ok else None
        if isinstance(read, (dict, list)):
            documents[name] = read
        else:
            missing.append(name)
    attributes = attributes_of(documents.get("Schemas"))
    digest = hashlib.sha256(canonical(_without_dates(documents)).encode()).hexdigest() if documents else ""
    return Discovered(_capabilities(documents.get("ServiceProviderConfig")), attributes, digest, tuple(missing))


def attributes_of(schemas: Any) -> dict[str, dict[str, Any]]:
    """What ``/Schemas`` says of users: lower-cased plain path → definition; empty for anything unreadable."""
    attributes: dict[str, dict[str, Any]] = {}
    for schema in _listed(schemas):
        _gather(schema, attributes)
    return attributes


def _listed(document: Any) -> list[dict[str, Any]]:
    """The resources of a ListResponse, of a plain list, or the document itself."""
    rows = document if isinstance(document, list) else member(document, "Resources")
    if rows is None and isinstance(document, dict) and "attributes" in document:
        rows = [document]
    return [row for row in rows or [] if isinstance(row, dict)] if isinstance(rows, list) else []


def _gather(schema: dict[str, Any], into: dict[str, dict[str, Any]]) -> None:
    urn = str(schema.get("id") or "")
    if not urn.lower().endswith(":user"):
        return
    prefix = "" if urn.lower() == CORE.lower() else f"{urn.lower()}:"
    for attribute in _dicts(schema.get("attributes")):
        name = f"{prefix}{str(attribute.get('name')).lower()}"
        into[name] = attribute
        for sub in _dicts(attribute.get("subAttributes")):
            into[f"{name}.{str(sub.get('name')).lower()}"] = sub


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _capabilities(document: Any) -> Capabilities:
    def claims(name: str) -> bool | None:
        said = member(member(document, name), "supported")
        return said if isinstance(said, bool) else None

    most = member(member(document, "filter"), "maxResults")
    paging = member(document, "pagination")
    return Capabilities(
        patch=claims("patch"),
        filter=claims("filter"),
        etag=claims("etag"),
        sort=claims("sort"),
        bulk=claims("bulk"),
        max_results=most if isinstance(most, int) and not isinstance(most, bool) and most > 0 else None,
        cursor=member(paging, "cursor") is True,
        index=member(paging, "index") is not False,
    )


def _without_dates(value: Any) -> Any:
    """The document without what changes from one reading to the next (``meta``)."""
    if isinstance(value, dict):
        return {name: _without_dates(inner) for name, inner in value.items() if name != "meta"}
    return [_without_dates(inner) for inner in value] if isinstance(value, list) else value
