"""Which properties Graph is asked for, and how they become columns of ``source.parquet``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa

from trueup.transforms.attributes import SourceAttribute, by_name
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.connectors.entra.credentials import Granted

SIGN_IN = ("AuditLog.Read.All",)
MAILBOX = ("MailboxSettings.Read", "MailboxSettings.ReadWrite")
BESIDES = frozenset({"assigned", "assigned_by", "appRoleAssignments", "groups", "userPurpose"})
"""Columns that do not come with the user."""
WITH_MANAGER = "manager($select=id)"
"""The usual form; a Graph may want advanced parameters for it, which a list of users cannot have."""
NEVER_MISSING = ("userPrincipalName", "accountEnabled")
"""Properties that Graph sends for every user, if the app may read them."""

ARROW = {
    "text": pa.string(),
    "time": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "texts": pa.list_(pa.string()),
    "assignments": pa.list_(pa.struct([("id", pa.string()), ("value", pa.string()), ("displayName", pa.string())])),
}
"""Column type by ``SourceType``."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The columns read with each user, the manager's among them, in a fixed order."""

    columns: tuple[SourceAttribute, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    """Column and why it could not be read."""
    expand: str = WITH_MANAGER
    """How the manager is asked for along with each user; empty where Graph takes no way of it."""

    @property
    def properties(self) -> tuple[str, ...]:
        """For ``$select``; ``id`` first."""
        return tuple(dict.fromkeys(["id", *(column.select for column in self.columns if column.select)]))

    @property
    def wants_manager(self) -> bool:
        """Whether managers are read."""
        return any(column.name == "manager" for column in self.columns)

    @property
    def query(self) -> str:
        """``$select`` and ``$expand`` of a read of users, without a page size."""
        expand = f"&$expand={self.expand}" if self.wants_manager and self.expand else ""
        return f"$select={quote(','.join(self.properties), safe=',')}{expand}"

    def expanding_less(self) -> Selection:
        """The selection that asks for managers in the next plainer way: with all they have, then not at all."""
        return replace(self, expand="manager" if self.expand == WITH_MANAGER else "")

    def without(self, wanted: str, why: str) -> Selection:
        """The selection less everything that needs property ``wanted``, and the reason kept."""
        lost = tuple((column.name, why) for column in self.columns if (column.select or column.name) == wanted)
        kept = tuple(column for column in self.columns if (column.select or column.name) != wanted)
        return replace(self, columns=kept, unreadable=(*self.unreadable, *lost))


def selection(columns: Iterable[str], granted: Granted) -> Selection:
    """What to ask for so that each of ``columns`` that can be read is read.

    Raises:
        Misused: a column is not an attribute Trueup knows, or two differ by case only.
    """
    names = sorted({"id", "userPrincipalName", "accountEnabled", *columns} - BESIDES)
    folded: dict[str, str] = {}
    found: list[SourceAttribute] = []
    for name in names:
        attribute = by_name(name)
        if attribute is None:
            raise Misused(f"The source has no attribute {name!r}.", remedy="Correct the expression that uses it.")
        if folded.setdefault(attribute.name.casefold(), attribute.name) != attribute.name:
            raise Misused(
                f"The attributes {folded[attribute.name.casefold()]!r} and {attribute.name!r} differ by case only.",
                remedy="Use one of them.",
            )
        if attribute not in found:
            found.append(attribute)
    found.sort(key=lambda attribute: (attribute.name != "id", attribute.name))
    chosen = Selection(tuple(found))
    if granted.lacks(*SIGN_IN):
        chosen = chosen.without("signInActivity", "the app lacks AuditLog.Read.All")
    return chosen
