"""The suite ``plan``: what every plan must keep, however it was made. A plan that breaks one is refused as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.expectations.people import PACKAGE
from trueup.expectations.records import append_record
from trueup.expectations.relations import SPILL, frame, view_file, write
from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.quoting import literal
from trueup.transforms.errors import Failed, Refusal
from trueup.transforms.vocabulary import Decision

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.expectations.evaluation import Measured
    from trueup.transforms.run_files import RunFiles

_DECISIONS = dict.fromkeys(("key", "source_id", "profile_id", "user_name", "decision", "reason"), "VARCHAR")
_CHANGES = dict.fromkeys(("key", "attribute", "before", "after", "cause"), "VARCHAR")
_FINDINGS = dict.fromkeys(("key", "check", "severity", "reason", "remedy"), "VARCHAR")
TAKEN = "user_name_taken"
_SENTENCES = {
    "plan_key_missing": "{n} decisions have no key.",
    "plan_decided_twice": "{n} people are decided about more than once.",
    "plan_unknown_decision": "{n} decisions have a word that Trueup does not know.",
    "plan_no_reason": "{n} decisions have no reason.",
    "plan_profile_twice": "{n} decisions share a profile with another.",
    "plan_change_without_a_decision": "{n} people would be changed whose decision writes nothing.",
    "plan_decision_without_a_change": "{n} decisions would write and have nothing to write.",
    "plan_deactivation_of_more_than_active": "{n} deactivations would change more than active, or not active.",
    "plan_hidden_deactivation": "{n} people would be made inactive by a change that is not called a deactivation.",
    "plan_write_without_a_profile": "{n} decisions would write to a profile that is not named.",
    "plan_creation_of_what_is_there": "{n} people with a profile would be created again.",
    "plan_unmanaged_user": "{n} unmanaged profiles belong to a user.",
    "users_undecided": "{n} users have no decision.",
    "profiles_undecided": "{n} profiles have no decision.",
    "changes_of_nobody": "{n} changes belong to nobody decided about.",
    "attributes_changed_twice": "{n} changes are of an attribute that is changed twice.",
    "user_names_written_twice": "{n} people would get a user name that another would get too.",
}
_REMEDY = "Nothing was written. This is a fault of Trueup, not of your data: report it with the run's manifest.json."
_SHARED = "Correct one of the user names in Entra ID, or leave one of the people out with [people] never."


def evaluate_plan(files: RunFiles, context: Any) -> tuple[Refusal, ...]:
    """Evaluate the suite over ``decisions.parquet`` and ``changes.parquet``; adds to ``checks`` and ``findings``.

    Raises:
        Failed: there is no plan.
    """
    for path in (files.decisions, files.changes):
        if not path.exists():
            raise Failed(f"{path.name} is missing; the stage that writes it did not run.")
    files.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with connect(spill=files.work / SPILL) as connection:
        _lay(connection, files)
        rows = _rows(connection, context)
        whole = _whole(connection, context)
        append_record(files.checks, _merged(rows[0], whole[0]))
        _taken(connection, files)
        return tuple(_refusal(one) for one in (*rows[1], *whole[1]) if not one.success)


def _lay(connection: DuckDBPyConnection, files: RunFiles) -> None:
    view_file(connection, "decisions", files.decisions, _DECISIONS)
    view_file(connection, "changes", files.changes, _CHANGES)
    view_file(connection, "users", files.source, {"id": "VARCHAR"})
    view_file(connection, "target", files.target, {"id": "VARCHAR"})
    view_file(connection, "actual", files.actual, {"key": "VARCHAR", "userName": "VARCHAR"})
    view_file(connection, "findings", files.findings, _FINDINGS)


def _rows(connection: DuckDBPyConnection, context: Any) -> tuple[dict[str, Any], tuple[Measured, ...]]:
    from trueup.expectations import suites
    from trueup.expectations.evaluation import evaluate, placed

    rows = frame(connection, statement("plan_rows", PACKAGE))
    expectations = placed(suites.plan_people([str(decision) for decision in Decision]))
    done = evaluate(context, "plan", rows, expectations, lambda one: one.failing <= 100)
    return done.record, done.measured


def _whole(connection: DuckDBPyConnection, context: Any) -> tuple[dict[str, Any], tuple[Measured, ...]]:
    from trueup.expectations import suites
    from trueup.expectations.evaluation import evaluate, placed

    rows = frame(connection, f"SELECT '' AS key, * FROM ({statement('plan_whole', PACKAGE)})")
    names = [name for name in rows.columns if name != "key"]
    done = evaluate(context, "plan", rows, placed(suites.nought(names)), lambda _: False)
    return done.record, done.measured


def _merged(rows: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Both frames as one suite's result: counts and verdict are of the two together."""
    results = [*rows["results"], *whole["results"]]
    passed = sum(bool(result["success"]) for result in results)
    return {
        **rows,
        "results": results,
        "success": passed == len(results),
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(results) - passed,
            "success_percent": 100 * passed / max(len(results), 1),
        },
    }


def _taken(connection: DuckDBPyConnection, files: RunFiles) -> None:
    """Add who would get a user name that a profile of somebody else keeps: the target will refuse it."""
    fresh = files.work / "findings_checked.parquet"
    write(
        connection,
        f'SELECT * FROM findings WHERE "check" <> {literal(TAKEN)} UNION ALL '
        f"SELECT key, {literal(TAKEN)}, 'info', 'The user name is that of the profile of ' || detail || ', which keeps "
        f"it: the target may refuse the write.', 'Rename one of the two; or settle it with [matching] links.' "
        f'FROM ({statement("plan_taken", PACKAGE)}) ORDER BY key, "check", reason',
        fresh,
    )
    fresh.replace(files.findings)


def _refusal(one: Measured) -> Refusal:
    number = one.failing or int(one.observed or 0)
    message = _SENTENCES[one.check].format(n=f"{number:,}")
    if one.keys:
        message += f" First: {', '.join(sorted(one.keys)[:5])}."
    remedy = _SHARED if one.check == "user_names_written_twice" else _REMEDY
    return Refusal(f"check_{one.check}", message, used=float(number), limit=0.0, remedy=remedy)
