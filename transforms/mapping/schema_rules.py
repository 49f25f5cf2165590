"""Which synchronization rule of an exported schema is meant: the one that flows out of the Entra directory."""

from __future__ import annotations

from typing import Any

from trueup.transforms.errors import Misused

SHAPE = "It must be the document of GET …/synchronization/jobs/{id}/schema, saved as it is."
_ENTRA = frozenset({"azure active directory", "azure ad", "azuread", "microsoft entra id", "entra id"})


def objects(value: Any) -> list[dict[str, Any]]:
    """The JSON objects of a list; nothing for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def user_mapping(document: Any, where: str) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The rule and the mapping of users that flows out of Entra, and a note on everything beside it.

    A rule that does not say where it comes from counts where no other says so.

    Raises:
        Misused: no schema, no mapping of users that flows out, or several that could be meant.
    """
    if not isinstance(document, dict) or not isinstance(document.get("synchronizationRules"), list):
        raise Misused(f"{where} is not a synchronization schema: it has no synchronizationRules.", remedy=SHAPE)
    notes: list[str] = []
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for rule in objects(document["synchronizationRules"]):
        for mapping in objects(rule.get("objectMappings")):
            if str(mapping.get("sourceObjectName", "")).lower() != "user":
                notes.append(f"object mapping {_name(mapping)!r}: only users are provisioned, this is left out")
            elif mapping.get("enabled") is False:
                notes.append(f"object mapping {_name(mapping)!r}: it is switched off and left out")
            else:
                found.append((rule, mapping))
    if not found:
        raise Misused(f"{where} has no enabled mapping of users.", remedy=SHAPE)
    rule, mapping = _flowing_out(found, where)
    notes += [
        f"{_told(*other)}: it does not flow out of Entra and is left out" for other in found if other[1] is not mapping
    ]
    notes += [
        f"rule {rule.get('name')!r}: {key} is not honoured"
        for key in ("groupFilter", "containerFilter")
        if rule.get(key)
    ]
    return rule, mapping, notes


def _flowing_out(
    found: list[tuple[dict[str, Any], dict[str, Any]]], where: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    outward = [one for one in found if not _is_entra(one[0].get("targetDirectoryName"))]
    said = [one for one in outward if _is_entra(one[0].get("sourceDirectoryName"))]
    meant = said or [one for one in outward if not one[0].get("sourceDirectoryName")]
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise Misused(
            f"{where} has no rule that flows out of the Entra directory, only: {_listed(found)}.",
            remedy="Export the schema of the job that provisions from Entra into the target.",
        )
    raise Misused(
        f"{where} has {len(meant)} mappings of users that flow out of Entra, and it is not clear which one to use: "
        f"{_listed(meant)}.",
        remedy='Switch off the others in a copy of the document ("enabled": false in the object mapping).',
    )


def _is_entra(directory: Any) -> bool:
    return isinstance(directory, str) and directory.strip().casefold() in _ENTRA


def _name(mapping: dict[str, Any]) -> str:
    return str(mapping.get("name") or mapping.get("sourceObjectName"))


def _told(rule: dict[str, Any], mapping: dict[str, Any]) -> str:
    """Rule, directories and object mapping: rules alone often share one name."""
    ways = [str(rule.get(key) or "not said") for key in ("sourceDirectoryName", "targetDirectoryName")]
    return f"rule {rule.get('name')!r} ({ways[0]} → {ways[1]}), object mapping {_name(mapping)!r}"


def _listed(found: list[tuple[dict[str, Any], dict[str, Any]]]) -> str:
    return "; ".join(_told(*one) for one in found)
