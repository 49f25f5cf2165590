"""The nightly plan: read both sides, map, check, decide, report, seal. Nothing here can write to the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from trueup.flows import endings, flow_runs, screen, sealing, stages
from trueup.flows.run_context import Build
from trueup.flows.run_draft import Draft
from trueup.flows.safe_errors import sanitize_errors
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from trueup.connectors.scim.profiles import TargetSnapshot
    from trueup.connectors.source import SourceSnapshot
    from trueup.expectations.gates import CheckResult
    from trueup.flows.alone import Named
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.planning.request import PlanResult


@task(name="try credentials", cache_policy=NO_CACHE)
@sanitize_errors("trying both credentials")
@stages.timed("sign_in")
def try_credentials(run: str) -> None:
    """Sign in to both sides, unless that was just done: nothing is read where one would be refused in the end."""
    from trueup.connectors.trying import try_credentials

    this = Build.of(run)
    if not this.wish.get("tried"):
        try_credentials(this.settings)


@task(name="read source", cache_policy=NO_CACHE)
@sanitize_errors("reading the source")
@stages.timed("source")
def read_source(run: str) -> SourceSnapshot:
    """Every user of the tenant into ``source.parquet``, proven complete."""
    from trueup.connectors.source import snapshot

    this = Build.of(run)
    return snapshot(this.settings, stages.source_request(this), this.files, progress=screen.progress)


@task(name="read target", cache_policy=NO_CACHE)
@sanitize_errors("reading the target")
@stages.timed("target")
def read_target(run: str) -> TargetSnapshot:
    """Every profile of the directory into ``target.parquet``, proven complete."""
    return stages.read_target(Build.of(run))


@task(name="read people named", cache_policy=NO_CACHE)
@sanitize_errors("reading the people named")
@stages.timed("named")
def read_named(run: str) -> str:
    """The people named by themselves, where they may be judged so; else returns why everything must be read."""
    from trueup.connectors.source import NotAlone
    from trueup.flows.named import read_named

    this = Build.of(run)
    try:
        this.alone = read_named(this)
    except NotAlone as why:
        return str(why)
    return ""


@task(name="map", cache_policy=NO_CACHE)
@sanitize_errors("mapping")
@stages.timed("map")
def map_users(run: str) -> None:
    """The compiled mapping's result into ``desired.parquet``."""
    stages.map_users(Build.of(run))


@task(name="check people", cache_policy=NO_CACHE)
@sanitize_errors("checking people")
@stages.timed("check")
def check_people(run: str) -> CheckResult:
    """Who is a person, and whose data is wrong, into ``findings.parquet`` and ``checks.json``."""
    from trueup.expectations.gates import check_people as check
    from trueup.expectations.gates import nobody_checked
    from trueup.expectations.people import judge

    this = Build.of(run)
    judge(this.files, this.settings, this.history)
    if this.alone is not None:
        return nobody_checked(this.files)
    return check(
        this.files,
        this.settings,
        this.mapping.attributes,
        this.history,
        own_text=this.checks_text,
        occasion=stages.occasion(this),
    )


@task(name="decide", cache_policy=NO_CACHE)
@sanitize_errors("deciding")
@stages.timed("plan")
def decide(run: str, source: SourceSnapshot, target: TargetSnapshot) -> PlanResult:
    """One decision per person and its changes, into ``decisions.parquet`` and ``changes.parquet``."""
    from trueup.transforms.planning.plan import make_plan
    from trueup.transforms.planning.request import PlanRequest

    this = Build.of(run)
    return make_plan(
        PlanRequest(
            files=this.files,
            attributes=this.mapping.attributes,
            schema=target.schema,
            settings=this.settings,
            history=this.history,
            at=this.started,
            only=this.alone.keys if this.alone else this.only,
            unreadable=frozenset(source.unreadable),
            partial_read=this.alone is not None,
        )
    )


@task(name="check plan", cache_policy=NO_CACHE)
@sanitize_errors("checking the plan")
@stages.timed("check_plan")
def check_plan(run: str) -> CheckResult:
    """The plan itself against what every plan must keep."""
    from trueup.expectations.gates import check_plan as check

    return check(Build.of(run).files)


@task(name="report and seal", cache_policy=NO_CACHE)
@sanitize_errors("reporting and sealing")
def report_and_seal(run: str, draft: Draft) -> Manifest:
    """The reports and the manifest, which is returned."""
    return sealing.seal(Build.of(run), draft)


@flow(name="reconcile", validate_parameters=False)
@endings.told
def reconcile(run: str) -> Any:
    """Make the run begun in the directory ``run``; it ends as what it came to."""
    draft = Draft(Kind.RECONCILE)
    with draft.taking():
        draft.stage = "trying both credentials"
        try_credentials(run)
        alone = _alone(run, draft)
        source, target = (alone.source, alone.target) if alone is not None else _both_sides(run, draft)
        if source is not None and target is not None:
            flow_runs.log(f"Read: {source.users:,} users, {target.profiles:,} profiles.")
            draft.stage = "mapping"
            map_users(run)
            flow_runs.log("Mapped.")
            draft.stage = "checking people"
            draft.checked(check_people(run))
            flow_runs.log(f"People checked: {draft.told_findings()}.")
            draft.stage = "deciding"
            draft.planned(decide(run, source, target))
            flow_runs.log(f"Decided: {draft.told_counts()}.")
            draft.stage = "checking the plan"
            draft.checked(check_plan(run))
            flow_runs.log(f"Plan checked: {draft.told_findings()}.")
    return sealing.conclude(Build.of(run), report_and_seal(run, draft))


def _alone(run: str, draft: Draft) -> Named | None:
    """The people a plan for some is for, read by themselves; None where everything is to be read."""
    if not Build.of(run).only:
        return None
    draft.stage = "reading the people named"
    if why := read_named(run):
        draft.notes.append(f"Everybody was read: {why}.")
    alone = Build.of(run).alone
    if alone is not None:
        draft.read_named(alone)
    return alone


def _both_sides(run: str, draft: Draft) -> tuple[SourceSnapshot | None, TargetSnapshot | None]:
    """Everybody on both sides, read beside each other; None for a side that could not be read, and why is kept."""
    stages.load_readers(Build.of(run).settings)
    reads = read_source.submit(run), read_target.submit(run)
    stages.load_while_reading()
    source: SourceSnapshot | None = draft.result(reads[0], "reading the source")
    target: TargetSnapshot | None = draft.result(reads[1], "reading the target")
    if source is not None and target is not None:
        draft.read(source, target)
    return source, target
