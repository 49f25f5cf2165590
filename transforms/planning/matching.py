"""Who is whose: links, externalId, then the attributes of ``[matching] by``; what cannot be told is disputed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import identifier
from trueup.transforms.duck.relations import columns_of, count, empty, pairs, view
from trueup.transforms.duck.runner import make
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.planning.sql import PACKAGE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.transforms.attributes import TargetSchema
    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import MatchingSettings

_NUMBER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"


def match(
    connection: DuckDBPyConnection, settings: MatchingSettings, *, schema: TargetSchema, baseline: PriorRun | None
) -> tuple[str, ...]:
    """Make the relations ``linked``, ``found_now``, ``profile_links`` and ``disputes``; ``links_before`` must stand.

    Returns notes for the reviewer.

    Every user and every profile appears in ``profile_links`` at most once; a linked profile is never disputed.
    Matching heeds case only where the target's schema says ``caseExact`` (unknown: externalId does, others do not).
    """
    _people(connection)
    pairs(connection, "hand", ("source_id", "profile_id"), settings.links.items())
    exact = schema.case_exact.get("externalId", True)
    connection.execute(f"CREATE OR REPLACE TEMP MACRO same_id(t) AS {'t' if exact else 'lower(t)'}")
    _find_again(connection)
    _make(connection, "by_hand", anybody=bool(settings.links))
    _link(connection)
    make(connection, PACKAGE, views=("unlinked",))
    _by_external_id(connection)
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW settled AS SELECT source_id, profile_id FROM confirmed_links "
        "UNION ALL SELECT source_id, profile_id FROM external_hits WHERE taken_by IS NULL AND choices = 1"
    )
    sought = _any(connection, "unmatched_users")
    _user_values(connection, settings.by, schema, sought=sought)
    _make(connection, "hits", "known", anybody=sought)
    _gone_numbers(connection, baseline)
    make(connection, PACKAGE, tables=("disputes", "disputed_profiles"), views=("profile_links", "found_now"))
    return _unused_links(connection)


def settle_links(connection: DuckDBPyConnection) -> None:
    """Make the same from ``links_before`` alone, with nothing in dispute: who is ours without looking anew."""
    _people(connection)
    empty(connection, "by_hand", ("source_id", "profile_id", "matched_by", "since", "rivals INTEGER"))
    _link(connection)
    empty(connection, "found_now", ("source_id", "profile_id", "matched_by", "profile_name", "active BOOLEAN"))
    make(connection, PACKAGE, views=("profile_links",))
    empty(connection, "disputes", ("source_id", "reason_code", "profile_id", "other"))
    empty(connection, "disputed_profiles", ("profile_id",))


def _make(connection: DuckDBPyConnection, *tables: str, anybody: bool = True) -> None:
    """Make ``tables``; where they concern nobody, their columns without the scans."""
    make(connection, PACKAGE, tables=tables, nobody=() if anybody else tables)


def _link(connection: DuckDBPyConnection) -> None:
    """``linked`` and ``confirmed_links``: the one join of everybody with everybody; what follows looks at few."""
    # Users come in the order of their ids and must stay in it: sides that swap places cost a whole sort later.
    connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
    _make(connection, "linked")
    connection.execute("RESET disabled_optimizers")
    make(connection, PACKAGE, views=("confirmed_links",))


def _find_again(connection: DuckDBPyConnection) -> None:
    """Let ``links_before`` lead to the profiles of people who left as the target calls them now."""
    if not _any(connection, "absent"):
        return
    _make(connection, "links_found_again")
    if _any(connection, "links_found_again"):
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE links_followed AS "
            "FROM links_before WHERE source_id NOT IN (SELECT source_id FROM links_found_again) "
            "UNION ALL BY NAME FROM links_found_again"
        )
        connection.execute("CREATE OR REPLACE TEMP VIEW links_before AS FROM links_followed")


def _by_external_id(connection: DuckDBPyConnection) -> None:
    """``external_hits``, and ``unmatched_users``: users without a link whose id no profile bears."""
    _make(connection, "id_matches", anybody=_any(connection, "unlinked"))
    connection.execute("CREATE OR REPLACE TEMP VIEW external_pairs AS FROM id_matches WHERE profile_id IS NOT NULL")
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW unmatched_users AS SELECT source_id FROM id_matches WHERE profile_id IS NULL"
    )
    found = count(connection, "FROM external_pairs")
    # Every matched user has exactly one candidate: skip the window count.
    alone = found == count(connection, "FROM unlinked") - count(connection, "FROM unmatched_users")
    choices = "1" if alone else "count(*) OVER (PARTITION BY source_id)"
    kind = "VIEW" if alone else "TABLE"
    connection.execute(
        f"CREATE OR REPLACE TEMP {kind} external_hits AS SELECT *, {choices} AS choices FROM external_pairs"
    )


def _people(connection: DuckDBPyConnection) -> None:
    """``users`` and ``profiles``: the columns matching and deciding look at."""
    have = columns_of(connection, "source")
    columns = {
        "user_name": "userPrincipalName",
        "mail": "mail",
        "enabled": "accountEnabled",
        "number": "employeeId",
    }
    kinds = {"enabled": "BOOLEAN"}
    chosen = (
        f"{identifier(column) if column in have else 'NULL'}::{kinds.get(name, 'VARCHAR')} AS {name}"
        for name, column in columns.items()
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW users AS SELECT id AS source_id, {', '.join(chosen)} FROM source")
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW profiles AS SELECT id AS profile_id, nullif(\"externalId\", '') AS external_id, "
        '"userName" AS user_name, active FROM target'
    )


def _user_values(connection: DuckDBPyConnection, by: tuple[str, ...], schema: TargetSchema, *, sought: bool) -> None:
    """``user_values`` and ``profile_values``: the values users bring and profiles bear, per attribute in its order.

    ``sought`` says whether anybody still looks for a profile.
    """
    desired, target = columns_of(connection, "desired"), columns_of(connection, "target")
    empty(connection, "user_values", ("source_id", "tier INTEGER", "value"))
    empty(connection, "profile_values", ("profile_id", "tier INTEGER", "value"))
    empty(connection, "tiers", ("tier INTEGER", "path"))
    for tier, path in enumerate(by):
        if path not in desired:
            raise Misused(
                f"[matching] by: the mapping does not fill {path}.",
                remedy=f"Map {path} under [mapping.attributes], or take it out of [matching] by.",
            )
        if path not in target:
            raise Failed(f"target.parquet has no column {path}, which [matching] by names.", remedy="Plan again.")
        column = identifier(path)
        value = (
            f"{column}::VARCHAR" if schema.case_exact.get(path, path == "externalId") else f"lower({column}::VARCHAR)"
        )
        connection.execute("INSERT INTO tiers VALUES (?, ?)", [tier, path])
        if not sought:
            continue
        connection.execute(
            f"INSERT INTO user_values SELECT key, {tier}, {value} FROM desired "
            f"SEMI JOIN unmatched_users ON unmatched_users.source_id = desired.key WHERE {column}::VARCHAR <> ''"
        )
        connection.execute(
            f"INSERT INTO profile_values SELECT id, {tier}, {value} FROM target "
            f"WHERE {value} IN (SELECT value FROM user_values WHERE tier = {tier})"
        )


def _gone_numbers(connection: DuckDBPyConnection, baseline: PriorRun | None) -> None:
    """``gone_numbers``: employee numbers of people of ours who are no longer in the source, as last read."""
    empty(connection, "gone_numbers", ("source_id", "number"))
    if not _any(connection, "unlinked") or not _any(connection, "links_before"):
        return
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE gone AS "
        "SELECT source_id, profile_id FROM links_before ANTI JOIN users USING (source_id)"
    )
    view(connection, "source_before", baseline.files.source if baseline else None, columns=("id", "employeeId"))
    if "employeeId" in columns_of(connection, "source_before"):
        connection.execute(
            "INSERT INTO gone_numbers SELECT b.id, nullif(b.\"employeeId\", '') FROM source_before b "
            "SEMI JOIN gone g ON g.source_id = b.id"
        )
    if _NUMBER in columns_of(connection, "target"):
        # Who went more than a night ago is in no recent read any more; the profile still bears the number.
        connection.execute(
            f"INSERT INTO gone_numbers SELECT g.source_id, nullif(t.{identifier(_NUMBER)}, '') FROM gone g "
            "JOIN target t ON t.id = g.profile_id ANTI JOIN gone_numbers n ON n.source_id = g.source_id"
        )


def _any(connection: DuckDBPyConnection, name: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() is not None


def _unused_links(connection: DuckDBPyConnection) -> tuple[str, ...]:
    unused = count(connection, "FROM hand ANTI JOIN confirmed_links USING (source_id, profile_id)")
    if not unused:
        return ()
    return (
        f"[matching] links: {unused} of the entries name a user or a profile that does not exist and are not used.",
    )
