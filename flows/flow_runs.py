"""Our flow runs as Prefect knows them: how they are marked, which nights there were, and which runs are lost.

A run that holds one of the target's locks says so in a label for as long as it does. So finding the
lock free and the label still there means that the process was killed.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trueup.flows.due import NightRun
from trueup.flows.prefect_settings import HEARTBEAT_SECONDS
from trueup.transforms.targets import same_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse

    from trueup.transforms.settings import Settings
    from trueup.transforms.vocabulary import Kind

TAG = "trueup"
LABEL = "trueup.lock"
MOST = 200
"""What Prefect lists at once."""
HEARTBEAT = "prefect.flow-run.heartbeat"


def host_of(settings: Settings) -> str:
    """The target's host: services for several directories beside each other on one Prefect server stay apart."""
    place = urlsplit(same_target(settings.target.url))
    return f"{place.hostname}:{place.port}" if place.port else str(place.hostname)


def deployment_name(settings: Settings) -> str:
    """What a deployment of this target is called on a server of many: two directories of one host stay apart."""
    path = urlsplit(same_target(settings.target.url)).path.strip("/")
    return host_of(settings) if path.lower() in {"", "scim/v2"} else f"{host_of(settings)} {path.replace('/', '.')}"


def tags_of(settings: Settings, kind: Kind | None = None) -> list[str]:
    """The tags of every flow run of this target."""
    return [TAG, *([kind.value] if kind else []), host_of(settings)]


def client() -> SyncPrefectClient:
    """A client for plain code; use it as a context."""
    from prefect.client.orchestration import get_client

    return get_client(sync_client=True)


@contextlib.contextmanager
def marked(settings: Settings, kind: Kind) -> Iterator[None]:
    """Flow runs begun inside carry our tags, and say that they are alive in our way (:func:`at_work`)."""
    from prefect import tags
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with tags(*tags_of(settings, kind)), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def name_after(run_id: str) -> None:
    """Name the flow run that is at work after the run it makes."""
    if (own := _own_id()) is not None:
        with _if_prefect_listens(), client() as api:
            api.update_flow_run(own, name=run_id)


def tag_with(tag: str) -> None:
    """Add ``tag`` to the flow run at work."""
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        run = context.flow_run
        with _if_prefect_listens(), client() as api:
            api.update_flow_run(run.id, tags=[*dict.fromkeys((*run.tags, tag))])


def log(sentence: str) -> None:
    """Leave one line with the flow run at work: what a stage came to, in counts. Prefect's own logging stays off."""
    if (own := _own_id()) is None:
        return
    from prefect.client.schemas.actions import LogCreate

    line = LogCreate(name="trueup", level=20, message=sentence, timestamp=datetime.now(UTC), flow_run_id=own)
    with _if_prefect_listens(), client() as api:
        api.create_logs([line])


@contextlib.contextmanager
def holding(lock: str) -> Iterator[None]:
    """Let the flow run at work say, for the length of the block, that it holds ``lock``; do so inside the lock."""
    hold(lock)
    try:
        yield
    finally:
        hold("")


def hold(lock: str) -> None:
    """Let the flow run at work say, until it ends, that it holds ``lock``; do so where it ends before the lock is free.

    Nobody looks at the label of a run that has ended. To take it off costs two seconds where Prefect's server was
    just being told of a task: it answers 503 then, and Prefect's client waits before it asks again.
    """
    if (own := _own_id()) is not None:
        with _if_prefect_listens(), client() as api:
            api.update_flow_run_labels(own, {LABEL: lock})


@contextlib.contextmanager
def at_work() -> Iterator[None]:
    """What every flow run of ours does while its own code is at work: it says that it is alive, and keeps its tags.

    Prefect's own heartbeat, which remains for the runs that a schedule begins, holds up each run's end by as much of a
    second as its thread still sleeps. And Prefect gives the tags of a run to each of its tasks, which then ask the
    server whether a tag limits them.
    """
    from prefect.context import TagsContext

    with _alive(), TagsContext(current_tags=set()):
        yield


@contextlib.contextmanager
def _alive() -> Iterator[None]:
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY

    own = _own_id()
    if own is None or PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value() is not None:
        yield
        return
    ended = threading.Event()
    beat = contextvars.copy_context().run  # as else a thread knows nothing of the run, nor of Prefect's settings
    thread = threading.Thread(target=beat, args=(_say_alive, own, ended), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=2)


def _say_alive(own: UUID, ended: threading.Event) -> None:
    from prefect.events import emit_event

    while True:
        emit_event(HEARTBEAT, resource={"prefect.resource.id": f"prefect.flow-run.{own}"})
        if ended.wait(HEARTBEAT_SECONDS):
            return


@contextlib.contextmanager
def _if_prefect_listens() -> Iterator[None]:
    """What is only said for others to see fails no night: a run that could not say it is found out by its silence."""
    import httpx
    from prefect.exceptions import PrefectException

    with contextlib.suppress(httpx.HTTPError, PrefectException):
        yield


def _own_id() -> UUID | None:
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    return context.flow_run.id if context is not None and context.flow_run is not None else None


def expected_start() -> datetime | None:
    """When the flow run at work was meant to begin; None outside of one."""
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow_run.expected_start_time is None:
        return None
    return plain(context.flow_run.expected_start_time)


def plain(moment: datetime) -> datetime:
    """Prefect's own kind of datetime as Python's, in UTC."""
    return datetime.fromtimestamp(moment.timestamp(), UTC)


def has_newer(deployment: UUID, after: datetime, until: datetime) -> bool:
    """Whether a run of ``deployment`` that was meant to begin after ``after`` is due by ``until``, or at work.

    Where Prefect cannot be asked, none is known: then the lock decides.
    """
    from prefect.client.schemas.objects import StateType

    found: list[FlowRun] = []
    with _if_prefect_listens():
        found = _runs(deployment_id={"any_": [str(deployment)]}, expected=(after, until))
    due = {StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING}
    return any(run.state_type in due and run.expected_start_time > after for run in found if run.expected_start_time)


def night_runs(deployment: UUID, since: datetime, until: datetime) -> list[NightRun]:
    """Every run of ``deployment`` that was meant to begin between the two."""
    return [
        NightRun(plain(run.expected_start_time), run.state_type.value, (run.state.message or "") if run.state else "")
        for run in _runs(deployment_id={"any_": [str(deployment)]}, expected=(since, until))
        if run.expected_start_time is not None and run.state_type is not None
    ]


def nights_deployed(settings: Settings) -> list[DeploymentResponse]:
    """Every deployment of nights with the tags of this target's host."""
    return _nights({"tags": {"all_": tags_of(settings)}})


def deployed_nights(pool: str = "") -> list[DeploymentResponse]:
    """Every deployment that ``trueup deploy`` made, or made on this work pool."""
    found = [one for one in _nights({"tags": {"all_": [TAG]}}) if one.parameters.get("deployed")]
    return [one for one in found if pool in {"", one.work_pool_name}]


def _nights(wanted: Mapping[str, Any]) -> list[DeploymentResponse]:
    from prefect.client.schemas.filters import DeploymentFilter, FlowFilter
    from prefect.client.schemas.sorting import DeploymentSort

    tagged = DeploymentFilter.model_validate(dict(wanted))
    nights = FlowFilter.model_validate({"name": {"any_": ["nightly"]}})
    newest = DeploymentSort.CREATED_DESC  # what is made meanwhile shifts a page, and hides nothing
    found: list[DeploymentResponse] = []
    with client() as api:
        while some := api.read_deployments(
            flow_filter=nights, deployment_filter=tagged, sort=newest, limit=MOST, offset=len(found)
        ):
            found += some
    return found


def unfinished(settings: Settings) -> list[FlowRun]:
    """Every flow run of this target that Prefect takes to be at work."""
    return _runs(tags={"all_": tags_of(settings)}, state={"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}})


def close_as_crashed(runs: Iterable[FlowRun], why: str) -> int:
    """Close lost runs, and what they had begun, as Crashed; returns how many."""
    from prefect.states import Crashed

    closed = 0
    for run in runs:
        below = _runs(parent_flow_run_id={"any_": [str(run.id)]}, state={"type": {"any_": ["PENDING", "RUNNING"]}})
        for one in (*below, run):
            with client() as api:
                api.set_flow_run_state(one.id, Crashed(message=why), force=True)
            closed += 1
    return closed


def last_heartbeats(runs: Iterable[FlowRun], since: datetime) -> dict[UUID, datetime]:
    """When each of ``runs`` last said that it is alive, as far as it did since ``since``."""
    from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter

    found: dict[UUID, datetime] = {}
    with client() as api:
        for run in runs:
            wanted = EventFilter(
                event=EventNameFilter(name=[HEARTBEAT]),
                resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
                occurred=EventOccurredFilter(since=since),
            )
            if events := api.read_events(filter=wanted, limit=1).events:
                found[run.id] = events[0].occurred
    return found


def _runs(*, expected: tuple[datetime, datetime] | None = None, **wanted: Any) -> list[FlowRun]:
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    if expected is not None:
        wanted["expected_start_time"] = {"after_": expected[0], "before_": expected[1]}
    with client() as api:
        return api.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate(wanted),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=MOST,
        )
