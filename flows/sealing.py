"""How a plan is sealed: fingerprint, reports, manifest, and what a new plan does to earlier ones."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from trueup.flows import endings, flow_runs
from trueup.flows.notify import not_arriving
from trueup.flows.safe_errors import impersonal
from trueup.transforms.errors import Refused
from trueup.transforms.links import links_of
from trueup.transforms.manifest import Manifest
from trueup.transforms.private import read_text
from trueup.transforms.vocabulary import Decision, Kind, Outcome

if TYPE_CHECKING:
    from datetime import date

    from prefect.client.schemas.objects import State

    from trueup.flows.run_context import Build
    from trueup.flows.run_draft import Draft
    from trueup.transforms.manifest import LimitUse

_VERSIONS = ("trueup", "duckdb", "great-expectations", "msgraph-sdk", "prefect", "pyarrow", "scim2-client")


def versions() -> dict[str, str]:
    """Of Trueup and the parts that shape a run."""
    found = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def seal(build: Build, draft: Draft) -> Manifest:
    """Write the reports and the manifest; from then on the run exists and its plan never changes.

    A plan is not sealed while an apply runs against the same target: it would rest on a directory that moves.

    Raises:
        Misused: the configuration was found wrong on the way; the run is discarded.
        Refused: an apply runs.
        Failed: the archive cannot be written.
    """
    if draft.misuse is not None:
        build.archive.discard(build.files)
        raise draft.misuse
    from trueup.connectors.archive import seal as seal_run
    from trueup.connectors.archive import supersede_earlier
    from trueup.reports import write_reports
    from trueup.reports.details import Beside
    from trueup.transforms.fingerprint import VERSION, fingerprint
    from trueup.transforms.summary import write_plan_summary

    settings, files = build.settings, build.files
    config_digest = build.digest
    counts = {decision.value: 0 for decision in Decision}
    with build.timed("summary"):
        write_plan_summary(files, files.summary)
    with build.timed("fingerprint"):
        content = fingerprint(files, config_digest) if draft.is_sound and files.changes.exists() else ""
    manifest = Manifest(
        run_id=files.run_id,
        kind=draft.kind,
        parent_run=draft.parent_run,
        outcome=draft.outcome,
        refusals=tuple(draft.refusals),
        error=" ".join(f"{error.message} {error.remedy}".strip() for error in draft.errors),
        started=build.started,
        expected=build.expected,
        sealed=datetime.now(UTC),
        night=night_of(build, draft.kind),
        notes=(*draft.notes, *not_arriving(settings)),
        target=settings.target.url,
        versions=versions(),
        configuration=settings.what_matters(),
        configuration_digest=config_digest,
        fingerprint_version=VERSION,
        fingerprint=content,
        **{"only": build.only, **draft.facts, "counts": {**counts, **draft.facts.get("counts", {})}},
    )
    with build.timed("report"):
        write_reports(files, manifest, build.history, at=manifest.sealed, beside=Beside(links_of(settings)))
    manifest = manifest.model_copy(update={"stage_seconds": dict(build.seconds)})
    try:
        sealed = seal_run(files, manifest, rests_on=build.history)
    except Refused:
        build.archive.discard(files)
        raise
    if sealed.outcome is not Outcome.FAILED:
        supersede_earlier(build.archive, sealed, at=sealed.sealed)
    return sealed


def night_of(build: Build, kind: Kind) -> date | None:
    """Whose night a whole reconcile run is: the local date of when it was meant to begin, else of when it began."""
    if kind is not Kind.RECONCILE or build.only:
        return None
    try:
        zone: tzinfo = ZoneInfo(build.settings.schedule.timezone)
    except (KeyError, ValueError):
        zone = UTC  # only a schedule needs the right name, and asks for it; no run is lost over it
    return (build.expected or build.started).astimezone(zone).date()


def conclude(build: Build, manifest: Manifest) -> State[Any]:
    """Leave in Prefect what a person looks for there; returns the state the flow ends in."""
    from prefect.artifacts import create_markdown_artifact

    ending = endings.of_plan(manifest)
    flow_runs.log(f"Sealed: {manifest.outcome}.")
    names = build.settings.privacy.names_in_orchestrator
    create_markdown_artifact(
        key="trueup-run",
        description=f"{manifest.kind} {manifest.run_id}: {manifest.outcome}",
        markdown=read_text(build.files.report_md) if names else _without_people(manifest, ending),
    )
    return ending.state(manifest.outcome)


def _without_people(manifest: Manifest, ending: endings.Ending) -> str:
    decisions = "\n".join(f"| {word} | {count:,} |" for word, count in manifest.counts.items())
    limits = "\n".join(
        f"| {use.name} | {use.used:,} of {use.base:,} | {_bound(use)} | {'over' if use.tripped else ''} |"
        for use in manifest.limits
    )
    refused = "".join(f"\n- {impersonal(refusal.message)}" for refusal in manifest.refusals)
    return (
        f"# {manifest.run_id}: {impersonal(ending.message)}\n\n"
        f"| decision | people |\n| --- | ---: |\n{decisions}\n\n"
        f"{manifest.changes:,} attribute changes. Fingerprint `{manifest.fingerprint[:12]}`.\n{refused}\n\n"
        f"| limit | used | allowed | |\n| --- | ---: | ---: | --- |\n{limits}\n\n"
        f"Report: `{manifest.run_id}/report.html` in the archive.\n"
    )


def _bound(use: LimitUse) -> str:
    return f"{use.limit:.0%}" if use.is_share else f"{use.limit:,.0f}"
