"""Who is in scope: assigned, and let through by the scoping filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.filters import any_holds, first_failing, parse_clause
from trueup.transforms.mapping.sources import SOFT_DELETED, Users, column_of
from trueup.transforms.mapping.unsaid import UNSAID, is_unsaid

if TYPE_CHECKING:
    from collections.abc import Mapping as Dictionary

    from trueup.transforms.mapping.filters import Filter
    from trueup.transforms.mapping.model import Mapping
    from trueup.transforms.settings import SourceSettings


class Scope:
    """Who is in scope: assigned, and let through by the filters."""

    column = '"in scope"'

    def __init__(self, mapping: Mapping, source: SourceSettings, columns: Dictionary[str, str]) -> None:
        self._source = source
        self._columns = columns
        self._filters = filters_of(mapping, source)
        self.is_used = False
        wanted = {column_of(clause.attribute) for one in self._filters for clause in one}
        self.rests_on = tuple(sorted(wanted))
        """Columns the filters read."""
        if source.scope != "all":
            wanted.add("assigned")
        if missing := sorted(wanted - set(columns)):
            raise Failed(
                f"The scope cannot be decided: the source could not read {', '.join(missing)} for anybody.",
                remedy="Grant the permission that doctor names, or take the clause out of [source] filters.",
            )

    def in_scope(self, users: Users) -> str:
        """SQL, never null. Who cannot be judged by what the source said stays in scope, and is held."""
        through = self._through(users)
        if self._source.scope == "all":
            return f"({through})"
        assigned = f"coalesce({users.value('assigned').sql}, FALSE)"
        return assigned if through == "TRUE" else f"({assigned} AND ({through}))"

    def _through(self, users: Users) -> str:
        through = any_holds(self._filters, users.value)
        return f"{through} OR {is_unsaid(self.rests_on)}" if self.rests_on else through

    def sql(self) -> str:
        """The statement of ``.work/scope``."""
        users = Users(self._columns)
        through = self._through(users)
        by = first_failing(self._filters, users.value) if self._filters else "NULL"
        if self._source.scope == "all":
            assigned, said = "TRUE", "NULL"
        else:
            assigned = f"coalesce({users.value('assigned').sql}, FALSE)"
            app = self._source.enterprise_app
            said = literal(
                f"not assigned to {app}" if self._source.scope == "assigned" else "in none of the groups named"
            )
        lines = (
            f"CASE WHEN NOT {assigned} THEN 'not_assigned' WHEN NOT ({through}) THEN 'filtered_out' END AS reason_code",
            f"CASE WHEN NOT {assigned} THEN {said} WHEN NOT ({through}) THEN {by} END AS excluded_by",
        )
        extra = {UNSAID: users.unsaid()} if self.rests_on else {}
        select = users.select(extra).replace("\n  FROM", ",\n    " + ",\n    ".join(lines) + "\n  FROM")
        return (
            f"WITH users AS (\n  {select}\n)\n"
            'SELECT\n  "key",\n  reason_code IS NULL AS in_scope,\n  reason_code::VARCHAR AS reason_code,\n'
            '  excluded_by::VARCHAR AS excluded_by\nFROM users\nORDER BY "key"\n'
        )


def filters_of(mapping: Mapping, source: SourceSettings) -> tuple[Filter, ...]:
    """The scoping filters in force: the configuration's own, else those of the imported schema.

    Raises:
        Misused: a clause that does not parse, with a caret.
    """
    if not source.filters:
        return mapping.scope_filters
    filters = []
    for number, one in enumerate(source.filters, 1):
        clauses = []
        for text in one:
            try:
                clause = parse_clause(text)
                column_of(clause.attribute)
            except WrongExpression as wrong:
                raise wrong.placed(text, f"[source] filters, filter {number}") from wrong
            if clause.attribute == SOFT_DELETED:
                raise Misused(f"[source] filters, filter {number}: {SOFT_DELETED} rests on the scope itself.")
            clauses.append(clause)
        filters.append(tuple(clauses))
    return tuple(filters)
