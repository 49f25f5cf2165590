"""The checks of a run: the suites evaluated, findings written, and what refuses the run as a whole.

``critical`` refuses, ``warning`` holds the person, ``info`` is reported. A check that would hold more than half of the
people in scope says that the source is wrong, not the people: it refuses on the share alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.expectations.catalogue import CHECKS
from trueup.expectations.people import PACKAGE, named_groups
from trueup.expectations.records import medians, write_records
from trueup.expectations.relations import SPILL, arrow, write
from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.errors import Refusal
from trueup.transforms.vocabulary import Severity

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.expectations.carried import Occasion
    from trueup.expectations.check_relations import Ground
    from trueup.expectations.custom_checks import OwnChecks
    from trueup.expectations.evaluation import Evaluated, Measured
    from trueup.expectations.suites import Gate
    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.history import History
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

WHOLE = 0.5
"""Share of the people in scope beyond which a check that holds people refuses the whole run instead."""
_NEVER_A_DISASTER = frozenset({"mononym"})
"""Countries where most people have one name exist; the hold limit speaks there."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What the checks came to; the rows are in ``findings.parquet``, Great Expectations' results in ``checks.json``."""

    refusals: tuple[Refusal, ...]
    """Of critical checks; never overridable."""
    findings: dict[str, int]
    """Severity → findings of the run so far; ``critical`` counts refusals."""
    notes: tuple[str, ...] = ()
    """What checks found wrong that neither refuses nor is a person's finding: of a column, of the whole."""


@dataclass(slots=True)
class _Session:
    """One evaluation of people: what is open and what was found so far."""

    connection: DuckDBPyConnection
    context: Any
    own: OwnChecks
    ground: Ground
    settings: Settings
    evaluated: list[Evaluated] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    all_told: bool = True
    """Whether everybody who failed a check of single rows, or has damage, is named: else no row is known next time."""

    @property
    def people(self) -> int | None:
        """How many the rows looked at stand for; none where they are everybody's."""
        return None if self.ground.rows.is_full else self.ground.rows.people

    def wants_keys(self, one: Measured) -> bool:
        """Within the hold limit always; beyond it only where people must be held by it and the run is not lost yet.

        Never of what passed: ``mostly`` says that so many may fail, and then nobody is held for it.
        """
        if one.success:
            return False
        limits = self.settings.limits
        bound = limits.hold.amount * one.total if limits.hold.is_share else limits.hold.amount
        if one.failing <= max(bound, limits.at_least):
            return True
        return one.severity == Severity.WARNING and not self.refusals and not self.is_disaster(one)

    def is_disaster(self, one: Measured) -> bool:
        """Whether so many fail that the source must be wrong."""
        if one.success or one.severity != Severity.WARNING or one.check in _NEVER_A_DISASTER:
            return False
        return one.failing > max(self.settings.limits.at_least - 1, 1) and one.share > WHOLE


def check_people(
    files: RunFiles,
    settings: Settings,
    attributes: tuple[ManagedAttribute, ...],
    history: History,
    *,
    own_text: str | None = None,
    occasion: Occasion | None = None,
) -> CheckResult:
    """The suites ``source``, ``desired`` and ``history`` over everybody in scope who is or may be a person.

    Writes ``findings.parquet`` (``key``, ``check``, ``severity``, ``reason``, ``remedy``; sorted) and ``checks.json``.
    ``own_text`` is what ``[checks] file`` says, where the run has read it already. ``occasion`` is what must be as it
    was for a person's unchanged row to be known; none looks at everybody.

    Raises:
        Misused: ``[checks] file`` names what is not there.
        Failed: a stage before this one did not run.
    """
    from trueup.expectations.carried import record_of
    from trueup.expectations.check_relations import lay
    from trueup.expectations.custom_checks import load_own_checks
    from trueup.expectations.telemetry import quiet_context

    own = load_own_checks(settings, text=own_text)
    context = quiet_context()
    with connect(spill=files.work / SPILL) as connection:
        asked = None if own.source or own.desired else occasion  # what somebody asks of rows is asked of everybody's
        ground = lay(connection, files, attributes, history, own.source_columns, asked)
        own.require(ground.source_columns, ground.desired_columns)
        session = _Session(connection, context, own, ground, settings)
        session.refusals.extend(_unreadable_rules(settings, ground))
        _gates(session)
        connection.execute(_FAILED)
        _people(session)
        _set_aside(session, attributes)
        _references(session)
        _history(session, history)
        _known(connection, own)
        write(connection, statement("findings", PACKAGE), files.findings)
        rows = record_of(ground.rows, occasion, all_told=session.all_told)
        write_records(files.checks, [one.record for one in session.evaluated], rows)
        (files.work / _REFUSED).write_text(str(len(session.refusals)), encoding="ascii")
        found = counts(connection, files.findings, len(session.refusals))
        notes = session.notes if ground.rows.is_full else [*session.notes, ground.rows.note()]
        return CheckResult(tuple(session.refusals), found, tuple(notes))


def nobody_checked(files: RunFiles) -> CheckResult:
    """What ``check_people`` leaves behind, with nothing found: for leavers, whose end no finding shields from.

    Most checks are of everybody, and a plan that read only the people it is for has nobody to hold them against.
    """
    files.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    nothing = 'SELECT NULL::VARCHAR AS key, NULL::VARCHAR AS "check", NULL::VARCHAR AS severity, '
    with connect() as connection:
        write(connection, f"{nothing} NULL::VARCHAR AS reason, NULL::VARCHAR AS remedy WHERE FALSE", files.findings)
        write_records(files.checks, [])
        return CheckResult((), counts(connection, files.findings, 0))


def check_plan(files: RunFiles) -> CheckResult:
    """The suite ``plan``: every person decided about once, nothing written that no decision says.

    Adds to ``checks.json`` and ``findings.parquet``; the counts are of the run's findings so far.

    Raises:
        Failed: there is no plan.
    """
    from trueup.expectations.plan_checks import evaluate_plan
    from trueup.expectations.telemetry import quiet_context

    refusals = evaluate_plan(files, quiet_context())
    before = files.work / _REFUSED
    earlier = int(before.read_text(encoding="ascii")) if before.exists() else 0
    with connect() as connection:
        return CheckResult(refusals, counts(connection, files.findings, earlier + len(refusals)))


_REFUSED = "refused.txt"
"""Below ``.work``: how many refusals ``check_people`` came to, for the count of ``check_plan``."""
_FAILED = 'CREATE OR REPLACE TEMP TABLE failed (key VARCHAR, "check" VARCHAR, subject VARCHAR, severity VARCHAR)'


def _unreadable_rules(settings: Settings, ground: Ground) -> list[Refusal]:
    """Refuse when a ``[people]`` rule names a group whose members could not be read: it would match nobody."""
    groups = named_groups(settings.people)
    if not groups or "groups" in ground.source_columns:
        return []
    return [
        Refusal(
            "check_people_rule_unreadable",
            f"[people] names {len(groups)} group(s), and the source could not be read for their members.",
            remedy="Grant GroupMember.Read.All, or name people by id: or upn: instead.",
        )
    ]


def _gates(session: _Session) -> None:
    from trueup.expectations import suites
    from trueup.expectations.evaluation import evaluate, placed

    ground, own = session.ground, session.own
    gates = [
        *suites.gates(ground.facts, ground.earlier_disabled, session.settings.limits.at_least),
        *suites.collapse_gates(ground.collapses),
    ]
    gates = [gate for gate in gates if own.is_on(gate.name.partition(":")[0])]
    severities = {gate.name: own.severity_of(gate.name.partition(":")[0], "critical") for gate in gates}
    damage = _damage_gates(session)
    gates += damage
    severities |= {gate.name: "critical" for gate in damage}
    rows = _one_row({gate.name: float(gate.value) for gate in gates})
    expectations = placed(suites.gate_expectations(gates, severities))
    evaluated = evaluate(session.context, "source", rows, expectations, lambda _: False)
    session.evaluated.append(evaluated)
    by_name = {gate.name: gate for gate in gates}
    for one in evaluated.measured:
        if one.success:
            continue
        gate = by_name[one.check]
        check = gate.name.partition(":")[0]
        if one.severity != Severity.CRITICAL:
            session.notes.append(f"Check {check} ({one.severity}) failed: {gate.message} {gate.remedy}")
        else:
            limit = gate.most if gate.most is not None else gate.least
            code = f"check_{check}"
            session.refusals.append(Refusal(code, gate.message, used=gate.value, limit=limit, remedy=gate.remedy))


def _damage_gates(session: _Session) -> list[Gate]:
    """Damage that so many people have in one attribute that the source as a whole is wrong."""
    from trueup.expectations import suites

    own, people = session.own, session.ground.facts["people"]
    gates = []
    for found in session.ground.damage:
        severity = own.severity_of(found.check, "unsaid")
        if not own.is_on(found.check) or severity == Severity.INFO:
            continue
        few = 0 if severity == Severity.CRITICAL else max(session.settings.limits.at_least - 1, 1)
        gates.append(suites.damage_gate(found, people, few=few, share=0.0 if few == 0 else WHOLE))
    return gates


def _people(session: _Session) -> None:
    from trueup.expectations import suites
    from trueup.expectations.frames import desired_frame, source_frame

    subjects = session.ground.subjects
    repeat = session.settings.checks.mononym == "repeat"
    for name, built, extra, make in (
        ("source", suites.source_people(subjects), session.own.source, source_frame),
        ("desired", suites.desired_people(subjects, repeat_mononyms=repeat), session.own.desired, desired_frame),
    ):
        chosen = [*session.own.adjusted(built), *extra]
        if chosen:
            found = _evaluate(session, name, make(session.connection, chosen, subjects), chosen)
            session.all_told = session.all_told and all(len(one.keys or ()) == one.failing for one in found)


def _evaluate(session: _Session, name: str, rows: Any, expectations: list[Any]) -> tuple[Measured, ...]:
    """Evaluate one suite over people, and remember who failed what; returns the figures."""
    import pyarrow as pa

    from trueup.expectations.evaluation import evaluate, placed

    evaluated = evaluate(session.context, name, rows, placed(expectations), session.wants_keys, people=session.people)
    session.evaluated.append(evaluated)
    for one in evaluated.measured:
        if session.is_disaster(one) or (one.severity == Severity.CRITICAL and not one.success):
            session.refusals.append(_refusal(session, one))
        if one.own and not one.success and not one.keys and one.severity != Severity.CRITICAL:
            session.notes.append(_note(session, one))
        if one.keys:
            session.connection.register("failing", pa.table({"key": pa.array(one.keys, pa.string())}))
            row = [one.check, one.subject, one.severity]
            session.connection.execute("INSERT INTO failed SELECT key, ?, ?, ? FROM failing", row)
            session.connection.unregister("failing")
    return evaluated.measured


def _refusal(session: _Session, one: Measured) -> Refusal:
    known = session.own.known(one.check)
    reason = known.reason.replace("{subject}", one.subject).replace(": {detail}", "").replace("{detail}", "another")
    figures = f"{one.failing:,} of {one.total:,} people in scope ({one.share:.0%})" if one.total else "the whole column"
    return Refusal(
        f"check_{one.check}",
        f"{reason} This is so for {figures}: the source as a whole looks wrong.",
        used=one.share,
        limit=0.0 if one.severity == Severity.CRITICAL else WHOLE,
        remedy=f"{known.remedy} Then plan again; the check {one.check} may be lowered in [checks] file.",
    )


def _note(session: _Session, one: Measured) -> str:
    """The line of an own check that failed and names nobody: who reads the report must see it all the same."""
    known = session.own.known(one.check)
    reason = known.reason.replace("{subject}", one.subject)
    if one.total and one.failing:
        figures = f" {one.failing:,} of {one.total:,} people, too many to name here."
    elif one.observed is not None:
        figures = f" Seen: {one.observed:,.10g}."
    else:
        figures = ""
    return f"Check {one.check} ({one.severity}) failed: {reason}{figures} {known.remedy}"


def _set_aside(session: _Session, attributes: tuple[ManagedAttribute, ...]) -> None:
    """Findings that no expectation makes: who is not a person, and values that could not be read."""
    from trueup.expectations.damage import tell_damage

    used = sorted({column for attribute in attributes for column in attribute.source_columns})
    required = sorted({column for attribute in attributes if attribute.required for column in attribute.source_columns})
    told = {one.check for one in session.ground.damage if session.own.is_on(one.check)}
    severities = {check: session.own.severity_of(check, CHECKS[check].severity.value) for check in sorted(told)}
    tell_damage(session.connection, attributes, severities)
    session.all_told = session.all_told and not _is_any_untold(session, list(severities))
    for name, parameters in (
        ("set_aside", {}),
        ("wrong_types", {"used": used}),
        ("not_said", {"required": required}),
    ):
        session.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE found AS {statement(name, PACKAGE)}", parameters or None
        )
        session.connection.execute('INSERT INTO failed SELECT key, "check", subject, severity FROM found')
        session.connection.execute('INSERT INTO details SELECT key, "check", detail FROM found')


def _is_any_untold(session: _Session, checks: list[str]) -> bool:
    """Whether somebody has damage and no finding: the mapping mends it, and the gates count it all the same."""
    query = 'SELECT 1 FROM damage ANTI JOIN failed USING (key) WHERE list_contains($checks, "check") LIMIT 1'
    return bool(session.connection.execute(query, {"checks": checks}).fetchall())


def _references(session: _Session) -> None:
    """After the others: only now it is known which managers are held."""
    from trueup.expectations import suites
    from trueup.expectations.frames import references_frame

    if chosen := session.own.adjusted(suites.references()):
        _evaluate(session, "source", references_frame(session.connection, odd_only=session.people is not None), chosen)


def _history(session: _Session, history: History) -> None:
    from trueup.expectations import suites
    from trueup.expectations.evaluation import evaluate, placed

    now = session.ground.drift
    expectations = placed(suites.drift_expectations(now, medians(history)))
    session.evaluated.append(evaluate(session.context, "history", _one_row(now), expectations, lambda _: False))


def _known(connection: DuckDBPyConnection, own: OwnChecks) -> None:
    connection.execute('CREATE OR REPLACE TEMP TABLE known ("check" VARCHAR, reason VARCHAR, remedy VARCHAR)')
    for name in (*CHECKS, *own.own):
        if own.is_on(name):
            check = own.known(name)
            connection.execute("INSERT INTO known VALUES (?, ?, ?)", [name, check.reason, check.remedy])


def _one_row(facts: dict[str, float]) -> Any:
    import pandas as pd

    return pd.DataFrame([{"key": "", **facts}])


def counts(connection: DuckDBPyConnection, findings: Path, critical: int) -> dict[str, int]:
    """Severity → findings in ``findings.parquet``; ``critical`` more of that kind."""
    query = f"SELECT severity, count(*) AS n FROM {rows_of(findings)} GROUP BY severity"
    found = {str(severity): 0 for severity in Severity} | {
        row["severity"]: row["n"] for row in arrow(connection, query).to_pylist()
    }
    return found | {"critical": found["critical"] + critical}


def data_docs(files: RunFiles, into: Path) -> Path:
    """Build Great Expectations' Data Docs of a sealed run below ``into``; returns their index page.

    Raises:
        Misused: the run has no ``checks.json``.
        Failed: it is damaged, or ``into`` cannot be written.
    """
    from trueup.expectations.docs import build

    return build(files, into)
