"""Which properties a user has, which come unasked, and what a call costs."""

from __future__ import annotations

DEFAULT = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
"""What a list gives without ``$select``."""

MORE = frozenset(
    [
        "accountEnabled",
        "ageGroup",
        "assignedLicenses",
        "assignedPlans",
        "authorizationInfo",
        "city",
        "companyName",
        "consentProvidedForMinor",
        "country",
        "createdDateTime",
        "creationType",
        "deletedDateTime",
        "department",
        "employeeHireDate",
        "employeeId",
        "employeeLeaveDateTime",
        "employeeOrgData",
        "employeeType",
        "externalUserState",
        "externalUserStateChangeDateTime",
        "faxNumber",
        "identities",
        "imAddresses",
        "isManagementRestricted",
        "isResourceAccount",
        "lastPasswordChangeDateTime",
        "legalAgeGroupClassification",
        "licenseAssignmentStates",
        "mailNickname",
        "onPremisesDistinguishedName",
        "onPremisesDomainName",
        "onPremisesExtensionAttributes",
        "onPremisesImmutableId",
        "onPremisesLastSyncDateTime",
        "onPremisesProvisioningErrors",
        "onPremisesSamAccountName",
        "onPremisesSecurityIdentifier",
        "onPremisesSyncEnabled",
        "onPremisesUserPrincipalName",
        "otherMails",
        "passwordPolicies",
        "passwordProfile",
        "postalCode",
        "preferredDataLocation",
        "provisionedPlans",
        "proxyAddresses",
        "refreshTokensValidFromDateTime",
        "securityIdentifier",
        "serviceProvisioningErrors",
        "showInAddressList",
        "signInActivity",
        "signInSessionsValidFromDateTime",
        "state",
        "streetAddress",
        "usageLocation",
        "userType",
    ]
)
"""What has to be asked for."""

ONE_AT_A_TIME = frozenset(
    [
        "aboutMe",
        "birthday",
        "hireDate",
        "interests",
        "mySite",
        "pastProjects",
        "preferredName",
        "responsibilities",
        "schools",
        "skills",
        "mailboxSettings",
    ]
)
"""Readable on a single user only: 501 on the collection."""

LISTS = frozenset(
    ["businessPhones", "otherMails", "proxyAddresses", "imAddresses", "assignedLicenses", "assignedPlans", "identities"]
)
"""Empty rather than null when unset."""

UNTRACKED = frozenset({"signInActivity", "licenseAssignmentStates", "mailboxSettings"})
"""Changes of these do not show in delta queries (§2)."""

EXTENSIONS = {f"extensionAttribute{number}": None for number in range(1, 16)}

PERMISSIONS: dict[str, frozenset[str]] = {
    "users": frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}),
    "signInActivity": frozenset({"AuditLog.Read.All"}),
    "mailboxSettings": frozenset({"MailboxSettings.Read", "MailboxSettings.ReadWrite"}),
    "servicePrincipals": frozenset(
        {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
    ),
    "groups": frozenset({"GroupMember.Read.All", "Group.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"}),
    "hiddenMembers": frozenset({"Member.Read.Hidden"}),
    "synchronization": frozenset({"Synchronization.Read.All", "Synchronization.ReadWrite.All"}),
    "organization": frozenset({"Organization.Read.All", "User.Read.All", "Directory.Read.All"}),
    "domains": frozenset({"Domain.Read.All", "Directory.Read.All"}),
}
"""Any one of these roles opens the resource (§7)."""

GRANTED = frozenset(
    {
        "User.Read.All",
        "Application.Read.All",
        "GroupMember.Read.All",
        "MailboxSettings.Read",
        "AuditLog.Read.All",
        "Synchronization.Read.All",
    }
)
"""What an administrator has consented to in the sandbox, unless told otherwise."""


def is_known(name: str) -> bool:
    """Whether a user may be asked for the property; directory extensions are ``extension_{appId}_{name}``."""
    return name in DEFAULT or name in MORE or name in ONE_AT_A_TIME or name.startswith("extension_")


def cost(resource: str, *, select: bool, expand: bool, top: int | None) -> int:
    """Resource units of one call (§6): a base cost, less for ``$select`` and small pages, more for ``$expand``."""
    base = {"users": 2, "members": 3, "transitiveMembers": 5}.get(resource, 1)
    small = top is not None and top < 20
    return max(1, base - select + expand - small)
