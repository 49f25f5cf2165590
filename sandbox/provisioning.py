"""The provisioning set-up of the sample's application, as a synchronizationSchema document."""

from __future__ import annotations

from typing import Any

from trueup.sandbox.directory.data import ENTERPRISE

_MAPPINGS: tuple[tuple[str, str, int], ...] = (
    ("userName", "[userPrincipalName]", 1),
    ("externalId", "[objectId]", 0),
    ("active", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")', 0),
    ("name.givenName", "[givenName]", 0),
    ("name.familyName", "[surname]", 0),
    ("displayName", 'Join(" ", [givenName], [surname])', 0),
    ("title", "[jobTitle]", 0),
    ('emails[type eq "work"].value', "[mail]", 0),
    (f"{ENTERPRISE}:department", "[department]", 0),
    (f"{ENTERPRISE}:manager", "[manager]", 0),
)


def schema(job: str) -> dict[str, Any]:
    """The document of the job, with ten mappings and one scoping filter."""
    clause = {"sourceOperandName": "accountEnabled", "operatorName": "IS TRUE", "targetOperand": {"values": []}}
    mapping = {
        "name": "Provision Microsoft Entra ID Users",
        "enabled": True,
        "flowTypes": "Add, Update, Delete",
        "sourceObjectName": "User",
        "targetObjectName": "User",
        "metadata": [],
        "scope": {"groups": [{"name": "Enabled", "clauses": [clause]}], "inputFilterGroups": []},
        "attributeMappings": [_mapping(*each) for each in _MAPPINGS],
    }
    rule = {
        "id": "USER_OUTBOUND_USER",
        "name": "USER_OUTBOUND_USER",
        "priority": 1,
        "editable": True,
        "sourceDirectoryName": "Azure Active Directory",
        "targetDirectoryName": "customappsso",
        "metadata": [],
        "objectMappings": [mapping],
    }
    return {"id": job, "version": "sample", "directories": [], "synchronizationRules": [rule]}


def _mapping(target: str, expression: str, priority: int) -> dict[str, Any]:
    plain = expression.startswith("[")
    return {
        "targetAttributeName": target,
        "source": {
            "expression": expression,
            "name": expression.strip("[]") if plain else expression.partition("(")[0],
            "type": "Attribute" if plain else "Function",
            "parameters": [],
        },
        "defaultValue": None,
        "flowType": "Always",
        "flowBehavior": "FlowWhenChanged",
        "matchingPriority": priority,
        "exportMissingReferences": False,
    }
