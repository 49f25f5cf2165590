"""The way back as a plan: what a run did is taken back by a new run, reviewed and approved like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from trueup.flows import endings, flow_runs, sealing, stages
from trueup.flows.run_context import Build
from trueup.flows.run_draft import Draft
from trueup.flows.safe_errors import sanitize_errors
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from trueup.connectors.scim.profiles import TargetSnapshot
    from trueup.expectations.gates import CheckResult
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.planning.request import PlanResult


@task(name="read target", cache_policy=NO_CACHE)
@sanitize_errors("reading the target")
@stages.timed("target")
def read_target(run: str) -> TargetSnapshot:
    """Every profile of the directory as it is now, proven complete."""
    return stages.read_target(Build.of(run))


@task(name="decide the way back", cache_policy=NO_CACHE)
@sanitize_errors("deciding the way back")
@stages.timed("plan")
def decide_back(run: str, target: TargetSnapshot) -> PlanResult:
    """What each profile must be again, from the archive, and the changes that lead there."""
    from trueup.transforms.rollback.plan import make_rollback_plan

    return make_rollback_plan(stages.rollback_request(Build.of(run), target))


@task(name="check plan", cache_policy=NO_CACHE)
@sanitize_errors("checking the plan")
@stages.timed("check_plan")
def check_plan(run: str) -> CheckResult:
    """The way back itself against what every plan must keep."""
    from trueup.expectations.gates import check_plan as check

    return check(Build.of(run).files)


@task(name="report and seal", cache_policy=NO_CACHE)
@sanitize_errors("reporting and sealing")
def report_and_seal(run: str, draft: Draft) -> Manifest:
    """The reports and the manifest, which is returned."""
    return sealing.seal(Build.of(run), draft)


@flow(name="rollback", validate_parameters=False)
@endings.told
@sanitize_errors("planning the way back")
def rollback(run: str) -> Any:
    """Plan the rollback laid down in the directory ``run``; it ends as what it came to."""
    build = Build.of(run)
    draft = Draft(Kind.ROLLBACK, parent_run=build.wish.get("run") or build.wish.get("before") or None)
    with draft.taking():
        draft.stage = "reading the target"
        target = read_target(run)
        draft.read_target(target)
        flow_runs.log(f"Read: {target.profiles:,} profiles.")
        draft.stage = "deciding the way back"
        draft.planned(decide_back(run, target))
        flow_runs.log(f"Decided: {draft.told_counts()}.")
        draft.stage = "checking the plan"
        draft.checked(check_plan(run))
        flow_runs.log(f"Plan checked: {draft.told_findings()}.")
    return sealing.conclude(build, report_and_seal(run, draft))
