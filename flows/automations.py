"""What a Prefect server does by itself about nights that were deployed: it closes lost ones, and begins them again.

``trueup serve`` watches its own nights (``trueup.flows.watch``). A night of a worker's is watched by the server, as
any worker may be gone: no sign of life closes it as ``Crashed``, and whatever crashed is begun once more. The night
itself sees to it that this happens once at most (``trueup.flows.nightly``), and goes on by the journal.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trueup.flows import flow_runs
from trueup.flows.prefect_settings import HEARTBEAT_SECONDS

if TYPE_CHECKING:
    from prefect.events import AutomationCore

TAG = "deployed"
"""Of nights that workers run."""
LOOK_TAG = "deployed-look"
"""Of looks after all targets of a pool: closed like a night, and never begun again, as the next one comes by itself."""
SILENT_SECONDS = 3 * HEARTBEAT_SECONDS + 5
"""Three signs of life missed."""
BEGIN_SECONDS = 600
"""For a process to begin what a worker took: a slow host, with nothing cached, needs a minute."""
_ENDS = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
_BEAT = "prefect.flow-run.heartbeat"
_BEGUN = "prefect.flow-run.Running"
_TAKEN = "prefect.flow-run.Pending"


def see_to_automations() -> None:
    """The server has them as they shall be; one that a person has switched off stays off."""
    with flow_runs.client() as api:
        for wanted in _automations():
            found = api.read_automations_by_name(wanted.name)
            if not found:
                api.create_automation(wanted)
                continue
            # The server refuses an update that says whose it is, even where that is nobody's.
            said = wanted.model_dump(exclude={"owner_resource"}) | {"enabled": found[0].enabled}
            api.update_automation(found[0].id, type(wanted).model_validate(said))


def _automations() -> tuple[AutomationCore, ...]:
    from prefect.client.schemas.objects import StateType
    from prefect.events import AutomationCore, ChangeFlowRunState, EventTrigger, Posture, RunDeployment

    def tagged(*tags: str) -> list[dict[str, Any]]:
        tag = {"prefect.resource.role": "tag", "prefect.resource.id": [f"prefect.tag.{one}" for one in tags]}
        return [tag, {"prefect.resource.role": "deployment"}]

    runs = {"prefect.resource.id": "prefect.flow-run.*"}

    def silent(name: str, words: str, *, after: set[str], lives: set[str], seconds: int) -> AutomationCore:
        trigger = EventTrigger(
            match=runs,
            match_related=tagged(TAG, LOOK_TAG),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            after=after,
            expect={*lives, *_ENDS},
            threshold=1,
            within=timedelta(seconds=seconds),
        )
        close = ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=words)
        return AutomationCore(name=name, description=words, trigger=trigger, actions=[close])

    return (
        silent(
            "trueup: close a night that gives no sign of life",
            f"For {SILENT_SECONDS} seconds it gave no sign of life: its process is gone, or the host it ran on.",
            after={_BEAT, _BEGUN},  # the first sign of life may be lost, where the server was away
            lives={_BEAT},
            seconds=SILENT_SECONDS,
        ),
        silent(
            "trueup: close a night that was taken and never begun",
            f"A worker took it and did not begin it within {BEGIN_SECONDS // 60} minutes.",
            after={_TAKEN},
            lives={_BEAT, _BEGUN},
            seconds=BEGIN_SECONDS,
        ),
        AutomationCore(
            name="trueup: begin a lost night once more",
            description="The night itself ends at once where it was lost twice.",
            trigger=EventTrigger(
                match=runs,
                match_related=tagged(TAG),
                for_each={"prefect.resource.id"},
                posture=Posture.Reactive,
                expect={"prefect.flow-run.Crashed"},
                threshold=1,
                within=timedelta(seconds=0),
            ),
            actions=[RunDeployment(source="inferred", parameters={"again": True})],
        ),
    )
