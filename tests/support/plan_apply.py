"""An obedient directory: carries a plan out on a world's profiles and writes the outcome an apply would leave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.plan_world import OUTCOME, table
from trueup.transforms.values.equality import canonical

if TYPE_CHECKING:
    from tests.support.plan_world import Planned, World

WRITES = ("create", "update", "reactivate", "deactivate", "delete")


def carry_out(
    world: World, planned: Planned, *, skip: frozenset[str], altered: dict[tuple[str, str], tuple[Any, str]]
) -> None:
    """Write what ``planned`` says to ``world.profiles`` and leave ``outcome.parquet``."""
    decisions = {row["key"]: row for row in planned.rows("decisions") if row["decision"] in WRITES}
    owner = {row["key"]: row["profile_id"] for row in planned.rows("decisions") if row["profile_id"]}
    for key, row in decisions.items():
        if row["decision"] == "create" and key not in skip:
            owner[key] = f"n{world.night}-{key.removeprefix('profile:')}"
            world.profiles.append({"id": owner[key], "active": True})
    kinds: dict[str, str] = {a.path: a.kind for a in world.attributes}
    rows = [
        _write(world, planned, row, owner=owner, kinds=kinds, altered=altered)
        if key not in skip
        else {"key": key, "profile_id": row["profile_id"], "operation": row["decision"], "result": "failed"}
        for key, row in decisions.items()
    ]
    table(planned.files.outcome, OUTCOME, rows)


def _write(
    world: World,
    planned: Planned,
    row: dict[str, Any],
    *,
    owner: dict[str, str],
    kinds: dict[str, str],
    altered: dict[tuple[str, str], tuple[Any, str]],
) -> dict[str, Any]:
    key = row["key"]
    changes = [c for c in planned.rows("changes") if c["key"] == key]
    mine = next(p for p in world.profiles if p["id"] == owner[key])
    found = []
    for change in changes:
        value = None if change["after"] is None else json.loads(change["after"])
        read, kind = altered.get((key, change["attribute"]), (value, "kept"))
        stored = read
        if kinds.get(change["attribute"]) == "reference" and read is not None:
            stored = owner.get(read, str(read).removeprefix("profile:"))
        mine[change["attribute"]] = stored
        text = None if read is None else canonical(read)
        found.append({"attribute": change["attribute"], "value": text, "class": kind})
    if row["decision"] == "delete":
        world.profiles.remove(mine)
    return {
        "key": key,
        "profile_id": owner[key],
        "operation": row["decision"],
        "result": "applied",
        "attempts": 1,
        "before": [{"attribute": c["attribute"], "value": c["before"]} for c in changes],
        "written": [{"attribute": c["attribute"], "value": c["after"]} for c in changes],
        "found": found,
    }
