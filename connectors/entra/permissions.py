"""Which permissions the configuration needs, and which of them the token carries: a line for each feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.connectors.entra.selection import MAILBOX, SIGN_IN
from trueup.transforms.attributes import by_name
from trueup.transforms.doctor import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.connectors.entra.credentials import Granted
    from trueup.transforms.settings import Settings

DIRECTORY = "Directory.Read.All"
_DIRECTORY = (DIRECTORY, "Directory.ReadWrite.All")
_USERS = ("User.Read.All", "User.ReadWrite.All", *_DIRECTORY)
_APPLICATIONS = ("Application.Read.All", "Application.ReadWrite.All", *_DIRECTORY)
_MEMBERS = ("GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", *_DIRECTORY)


@dataclass(frozen=True, slots=True)
class Feature:
    """Something the configuration asks for, and the permissions any of which lets it be read."""

    name: str
    any_of: tuple[str, ...]
    """The least first."""
    is_vital: bool = True
    """Whether a night ends without it; else what it would say is left alone."""


def needed(settings: Settings, columns: frozenset[str] = frozenset()) -> list[Feature]:
    """Each configured feature.

    Args:
        settings: the configuration.
        columns: of ``source.parquet`` that mapping, filters and checks use.
    """
    source, people = settings.source, settings.people
    features = [Feature("reading users", _USERS)]
    if source.scope == "assigned":
        features.append(Feature('scope = "assigned"', _APPLICATIONS))
    elif "appRoleAssignments" in columns:
        features.append(Feature("appRoleAssignments", _APPLICATIONS, is_vital=False))
    if source.scope in {"assigned", "groups"} or any(
        rule.startswith("group:") for rule in (*people.never, *people.always)
    ):
        features.append(Feature("members of groups", _MEMBERS))
    if sign_ins := sorted(name for name in columns if _property(name) == "signInActivity"):
        features.append(Feature(f"{' and '.join(sign_ins)} (besides a licence Entra ID P1)", SIGN_IN, is_vital=False))
    if "userPurpose" in columns:
        features.append(Feature("userPurpose, the purpose of mailboxes", MAILBOX, is_vital=False))
    return features


def _property(column: str) -> str:
    found = by_name(column)
    return found.select if found and found.select else column


def lines(settings: Settings, columns: frozenset[str], granted: Granted) -> Iterator[Line]:
    """A line for each feature: the permission that lets it be read, or the one that is missing."""
    if not granted.known:
        yield Line("warning", "source permissions", "The token cannot be looked into; its permissions are not known.")
        return
    for feature in needed(settings, columns):
        had = [name for name in feature.any_of if name in granted.permissions]
        if had:
            yield Line("ok", "source permissions", f"{had[0]} is granted, which {feature.name} needs.")
            continue
        least = feature.any_of[0]
        so = "" if feature.is_vital else " Without it that is unreadable, and what hangs on it is left alone."
        yield Line(
            "fix" if feature.is_vital else "warning",
            "source permissions",
            f"{least} is missing, which {feature.name} needs.{so}",
            f"API permissions → Microsoft Graph → Application permissions → {least}, then admin consent.",
        )
    if writing := sorted(name for name in granted.permissions if "Write" in name):
        yield Line(
            "warning",
            "source permissions",
            f"The app may also write: {', '.join(writing)}. Trueup only reads.",
            "Remove what is not needed.",
        )
