"""The two vocabularies: source attributes as Entra names them, and managed target attributes.

Sources: Microsoft Graph ``user`` resource; Entra's provisioning schema (older Azure AD Graph names).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SourceType = Literal["text", "boolean", "integer", "time", "texts", "assignments"]


@dataclass(frozen=True, slots=True)
class SourceAttribute:
    """One attribute of a user: its column in ``source.parquet`` and how Graph is asked for it."""

    name: str
    """Column in ``source.parquet``: Graph's own name, nested ones flattened (``extensionAttribute1``)."""
    type: SourceType = "text"
    """``texts`` is a list of text; ``assignments`` a list of struct(id, value, displayName)."""
    select: str = ""
    """Property for ``$select``; empty where the attribute comes another way (manager, assigned …)."""
    path: tuple[str, ...] = ()
    """Where the value lies in Graph's JSON."""
    aliases: tuple[str, ...] = ()
    """Names an expression may use for it beside ``name``."""
    permission: str = "User.Read.All"


def _plain(name: str, kind: SourceType = "text", *aliases: str) -> SourceAttribute:
    return SourceAttribute(name, kind, select=name, path=(name,), aliases=aliases)


_TEXTS = (
    ("id", "objectId"),
    ("userPrincipalName", "originalUserPrincipalName"),
    ("displayName",),
    ("givenName",),
    ("surname",),
    ("mail",),
    ("mailNickname",),
    ("jobTitle",),
    ("department",),
    ("companyName",),
    ("officeLocation", "physicalDeliveryOfficeName"),
    ("mobilePhone", "mobile"),
    ("faxNumber", "facsimileTelephoneNumber"),
    ("employeeId",),
    ("employeeType",),
    ("preferredLanguage",),
    ("usageLocation",),
    ("city",),
    ("state",),
    ("country",),
    ("postalCode",),
    ("streetAddress",),
    ("userType",),
    ("creationType",),
    ("externalUserState",),
    ("ageGroup",),
    ("consentProvidedForMinor",),
    ("legalAgeGroupClassification",),
    ("onPremisesDistinguishedName",),
    ("onPremisesDomainName",),
    ("onPremisesImmutableId", "immutableId"),
    ("onPremisesSamAccountName",),
    ("onPremisesSecurityIdentifier",),
    ("onPremisesUserPrincipalName",),
    ("passwordPolicies",),
    ("preferredDataLocation",),
    ("securityIdentifier",),
)
_TIMES = (
    "createdDateTime",
    "deletedDateTime",
    "employeeHireDate",
    "employeeLeaveDateTime",
    "externalUserStateChangeDateTime",
    "lastPasswordChangeDateTime",
    "onPremisesLastSyncDateTime",
    "refreshTokensValidFromDateTime",
    "signInSessionsValidFromDateTime",
)
_BOOLEANS = ("accountEnabled", "onPremisesSyncEnabled", "showInAddressList", "isResourceAccount")
_LISTS = ("businessPhones", "otherMails", "proxyAddresses", "imAddresses")

CATALOGUE: dict[str, SourceAttribute] = {
    attribute.name: attribute
    for attribute in (
        *(_plain(name, "text", *aliases) for name, *aliases in _TEXTS),
        *(_plain(name, "time") for name in _TIMES),
        *(_plain(name, "boolean") for name in _BOOLEANS),
        *(_plain(name, "texts") for name in _LISTS),
        *(
            SourceAttribute(
                f"extensionAttribute{number}",
                select="onPremisesExtensionAttributes",
                path=("onPremisesExtensionAttributes", f"extensionAttribute{number}"),
                aliases=(f"onPremisesExtensionAttributes.extensionAttribute{number}",),
            )
            for number in range(1, 16)
        ),
        SourceAttribute(
            "division",
            select="employeeOrgData",
            path=("employeeOrgData", "division"),
            aliases=("employeeOrgData.division",),
        ),
        SourceAttribute(
            "costCenter",
            select="employeeOrgData",
            path=("employeeOrgData", "costCenter"),
            aliases=("employeeOrgData.costCenter",),
        ),
        SourceAttribute("manager", path=("manager", "id"), aliases=("manager.id",)),
        SourceAttribute("assignedLicensesCount", "integer", select="assignedLicenses", path=("assignedLicenses",)),
        SourceAttribute(
            "lastSignInDateTime",
            "time",
            select="signInActivity",
            path=("signInActivity", "lastSignInDateTime"),
            permission="AuditLog.Read.All",
        ),
        SourceAttribute(
            "lastNonInteractiveSignInDateTime",
            "time",
            select="signInActivity",
            path=("signInActivity", "lastNonInteractiveSignInDateTime"),
            permission="AuditLog.Read.All",
        ),
        SourceAttribute("userPurpose", path=("userPurpose",), permission="MailboxSettings.Read"),
        SourceAttribute("assigned", "boolean", permission="Application.Read.All"),
        SourceAttribute("assigned_by", "texts", permission="Application.Read.All"),
        SourceAttribute("appRoleAssignments", "assignments", permission="Application.Read.All"),
        SourceAttribute("groups", "texts", permission="GroupMember.Read.All"),
    )
}
"""Every source attribute Trueup knows, by column. ``assigned`` says whether the scope the configuration names
(enterprise application or groups) holds the user, null for ``scope = "all"``; ``assigned_by`` through what
(``direct``, ``group:<id>``); ``groups`` which of the groups named in the configuration, as written there."""

CHECKED = (
    "id",
    "userPrincipalName",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "mailNickname",
    "accountEnabled",
    "userType",
    "creationType",
    "externalUserState",
    "employeeId",
    "employeeType",
    "jobTitle",
    "department",
    "manager",
    "assignedLicensesCount",
    "onPremisesDistinguishedName",
    "showInAddressList",
    "createdDateTime",
)
"""What the checks and verdicts always look at, whatever the mapping uses."""

COMPUTED = ("IsSoftDeleted",)
"""Names an expression may use that no column holds: computed from the account's state and scope."""


def by_name(name: str) -> SourceAttribute | None:
    """The attribute an expression calls ``name`` (case-sensitive), alias or column; directory extensions too.

    ``telephoneNumber`` is not an alias here: it is the first of ``businessPhones`` and belongs to the mapping language.
    """
    if found := _BY_NAME.get(name):
        return found
    if name.startswith("extension_"):
        return SourceAttribute(name, select=name, path=(name,))
    return None


_BY_NAME: dict[str, SourceAttribute] = {
    alias: attribute for attribute in CATALOGUE.values() for alias in (attribute.name, *attribute.aliases)
}

ManagedKind = Literal["text", "boolean", "reference", "complex"]


@dataclass(frozen=True, slots=True)
class ManagedAttribute:
    """One target attribute the mapping fills: a column of ``desired.parquet`` and ``actual.parquet``."""

    path: str
    """SCIM path and column name, e.g. ``name.givenName`` or ``emails[type eq "work"].value``."""
    kind: ManagedKind = "text"
    """Column type: ``text`` VARCHAR, ``boolean`` BOOLEAN, ``reference`` VARCHAR (a person's key),
    ``complex`` VARCHAR holding canonical JSON text (multi-valued or complex as a whole)."""
    expression: str = ""
    """In Entra's language, as written."""
    source_columns: tuple[str, ...] = ()
    """Columns of ``source.parquet`` the expression reads."""
    required: bool = False
    """The target refuses a profile without it: never cleared, a hold instead."""
    case_exact: bool = False
    """Whether matching and uniqueness on it heed case (target schema)."""
    apply: Literal["always", "create"] = "always"
    when_empty: Literal["clear_removed", "clear", "keep"] = "clear_removed"
    default: str | None = None
    """Used where the source is null, on creation only."""


@dataclass(frozen=True, slots=True)
class TargetSchema:
    """What the target says of its attributes, as far as it can be believed (RFC 7643 §7)."""

    case_exact: dict[str, bool] = field(default_factory=dict)
    """By SCIM path; a path that is missing is unknown and compared without case."""
    read_only: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    """Managed paths the server's schema does not name."""
    digest: str = ""
    """SHA-256 of the discovery documents: a change forgets what the target was seen not to keep."""
    bare: frozenset[str] = frozenset()
    """Attributes, in lower case, that were read with elements without ``type``."""
    demands: tuple[str, ...] = ()
    """What a profile must have and no managed attribute gives, in lower case."""
    forbids: dict[str, str] = field(default_factory=dict)
    """Managed paths that may not be written, and why."""
