"""What no night of a fleet can say of itself: that none has succeeded for long, and that a plan still waits.

``trueup serve`` notices both for its own target (``trueup.flows.watch``). Where workers run the nights, one deployment
more for each pool, made by ``trueup deploy``, looks after all targets of that pool once an hour.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prefect import flow
from prefect.states import Cancelled

from trueup.flows import endings, flow_runs, screen
from trueup.flows.bundle import Carried, settings_of
from trueup.flows.due import SKIPPED
from trueup.flows.notify import remind, tell_again
from trueup.flows.safe_errors import impersonal, sanitize_errors
from trueup.flows.watch import is_paused, tell_of_silence
from trueup.transforms.errors import Failed, TrueupError

if TYPE_CHECKING:
    from prefect.client.schemas.responses import DeploymentResponse

NAME = "look after"
CRON = "25 * * * *"
"""Once an hour, and seldom in the minute in which nights begin."""


@flow(name=NAME, validate_parameters=False)
@endings.told
@sanitize_errors("looking after the targets of a pool")
@screen.without_stdout()
def look_after(pool: str) -> Any:
    """Look at each target of ``pool`` once, and tell its ``[notify]`` of silence and of plans that wait.

    Raises:
        Failed: some target could not be looked at; the others were.
    """
    from prefect.runtime import deployment

    now = datetime.now(UTC)
    expected = flow_runs.expected_start() or now
    if deployment.id is not None and flow_runs.has_newer(deployment.id, expected, now):
        return Cancelled(message=f"{SKIPPED} a newer look is due.")
    nights = flow_runs.deployed_nights(pool)
    problems = [problem for one in nights if (problem := _problem_with(one, now))]
    for problem in problems:
        flow_runs.log(problem)
    if problems:
        raise Failed(
            f"{len(problems)} of {len(nights)} targets could not be looked after. {problems[0]}",
            remedy="Each is named in this run's log.",
        )
    return endings.of_look(len(nights)).state()


def _problem_with(night: DeploymentResponse, now: datetime) -> str:
    """Why this target could not be looked at, in a sentence that names it; nothing where it was."""
    try:
        _look(night, now)
    except TrueupError as error:
        return impersonal(f"{night.name}: {error.message} {error.remedy}".strip())
    return ""


@sanitize_errors("looking at it")
def _look(night: DeploymentResponse, now: datetime) -> None:
    from trueup.connectors.archive import open_archive

    settings = settings_of(Carried.of(night.parameters["deployed"]))
    history = open_archive(settings, writable=False).history(settings.target.url)
    begun = flow_runs.plain(night.created) if night.created else now
    more = " Its deployment is paused in Prefect." if is_paused(night) else ""
    tell_of_silence(settings, history, since=begun, at=now, more=more)
    tell_again(settings, history, now)
    remind(settings, history, now)
