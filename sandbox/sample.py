"""The sample that ships in ``data/sample``, as it is or scaled to any number of accounts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from trueup.sandbox.directory.data import DirectoryData
from trueup.sandbox.tenant.data import Application, Assignment, Group, TenantData

SCENARIOS = (
    "second_day",
    "bad_night_blank_departments",
    "bad_night_half_missing",
    "bad_night_shifted_names",
)
"""What may happen after the first night."""


@cache
def _text(name: str) -> bytes:
    return files("trueup.data.sample").joinpath(f"{name}.json").read_bytes()


def document(name: str) -> Any:
    """The JSON document ``data/sample/<name>.json``, fresh each time."""
    return orjson.loads(_text(name))


def tenant(users: int | None = None) -> TenantData:
    """The sample tenant; with ``users``, cut down or filled up to that many accounts."""
    whole = document("tenant")
    base = TenantData(
        users=whole["users"],
        deleted=tuple(whole["deleted"]),
        groups=tuple(Group(**{**group, "members": tuple(group["members"])}) for group in whole["groups"]),
        applications=tuple(_application(each) for each in whole["applications"]),
        things=tuple(whole["things"]),
    )
    if users is None or users == len(whole["users"]):
        return base
    from trueup.sandbox import scaled

    return scaled.tenant(base, users)


def directory(users: int | None = None) -> DirectoryData:
    """The sample directory; with ``users``, without those cut off and with profiles of the people added."""
    profiles = tuple(document("directory")["profiles"])
    if users is None:
        return DirectoryData(profiles)
    everybody = document("tenant")["users"]
    if users < len(everybody):
        cut = {user["id"] for user in everybody[users:]}
        return DirectoryData(tuple(profile for profile in profiles if profile.get("externalId") not in cut))
    from trueup.sandbox import scaled

    return scaled.directory(DirectoryData(profiles), users, len(everybody))


def edits(name: str) -> list[dict[str, Any]]:
    """The edits of one of the :data:`SCENARIOS`; KeyError for another name."""
    if name not in SCENARIOS:
        raise KeyError(name)
    return list(document(name))


def _application(each: dict[str, Any]) -> Application:
    assignments = tuple(Assignment(**assignment) for assignment in each["assignments"])
    return Application(**{**each, "roles": tuple(each["roles"]), "assignments": assignments})
