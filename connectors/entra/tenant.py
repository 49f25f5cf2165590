"""The tenant as one snapshot: users, scope, proof of completeness and of absence, in that order."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from trueup.connectors.entra import absence, delta
from trueup.connectors.entra.asked_again import asked_again
from trueup.connectors.entra.assembly import Joined, people_unread, write_absent, write_problems, write_source
from trueup.connectors.entra.graph import Graph, connected
from trueup.connectors.entra.incremental import read_incrementally
from trueup.connectors.entra.mailboxes import NotReadable, purposes
from trueup.connectors.entra.managers import doubted
from trueup.connectors.entra.managers_apart import read_apart
from trueup.connectors.entra.previous_read import memory
from trueup.connectors.entra.proof import ProvenRead, proven_users
from trueup.connectors.entra.queries import anybody, missing, opened
from trueup.connectors.entra.responses import GraphError
from trueup.connectors.entra.scope import Scope, forbidden, nobody_in_scope, read_scope
from trueup.connectors.entra.selection import MAILBOX, Selection, selection
from trueup.connectors.entra.unsaid import UNREADABLE, said
from trueup.connectors.source_request import SourceRequest, SourceSnapshot
from trueup.transforms.errors import Failed, Misused, Refusal, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.entra.retry import RetryPolicy
    from trueup.transforms.progress import Progress
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings


async def read_tenant(
    settings: Settings,
    request: SourceRequest,
    files: RunFiles,
    *,
    progress: Progress,
    patience: RetryPolicy | None = None,
) -> SourceSnapshot:
    """The whole tenant as ``source.parquet``; see ``trueup.connectors.source.snapshot``."""
    started = datetime.now(UTC)
    folder = files.work / "source"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    engine = opened(files)
    try:
        async with connected(settings, patience) as graph:
            return await _read(_Task(settings, request, files, folder, engine, started), graph, progress)
    except BaseExceptionGroup as group:
        raise _foremost(group) from group
    except GraphError as answer:
        raise forbidden(answer, "users", "User.Read.All") from answer
    finally:
        # What a fault cut short may still be at work in a thread, and an engine at work cannot be closed.
        await asyncio.get_running_loop().shutdown_default_executor()
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)


class _Task:
    """What one read works on."""

    def __init__(
        self,
        settings: Settings,
        request: SourceRequest,
        files: RunFiles,
        folder: Path,
        engine: DuckDBPyConnection,
        started: datetime,
    ) -> None:
        self.settings = settings
        self.request = request
        self.files = files
        self.folder = folder
        self.engine = engine
        self.started = started
        self.memory = memory(request)


@dataclass(frozen=True, slots=True)
class _Users:
    """The users as read, what the next incremental read needs, and how this one went."""

    proven: ProvenRead
    kept: dict[str, Any]
    told: dict[str, Any]


async def _read(task: _Task, graph: Graph, progress: Progress) -> SourceSnapshot:
    chosen = selection(task.request.columns, graph.granted)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(_users(task, graph, chosen, progress))
        scoping = group.create_task(read_scope(graph, task.settings.source, task.request, task.memory))
    read, scope = reading.result(), scoping.result()
    proven = read.proven
    if not proven.users:
        raise Refused(
            Refusal("source_empty", "The tenant has no users at all.", remedy="Check source.tenant_id and the app.")
        )
    absent = await _prove_absence(task, graph, proven, scope)
    unreadable = {**dict(proven.read.selection.unreadable), **scope.unreadable}
    besides = Joined(task.settings.source.scope, scope, await _purposes(task, graph, proven, unreadable, progress))
    columns = _columns(task, proven.read.selection, unreadable)
    lacked = await asyncio.to_thread(people_unread, task.engine, proven.read.path, columns)
    if lacked:
        columns.append(UNREADABLE)
        proven.notes.append(f"Graph did not say {said(lacked)} people, asked for by id too: left alone for them.")
    in_scope = await asyncio.to_thread(
        write_source, task.engine, task.files, proven.read.path, columns, besides, users=proven.users
    )
    if task.settings.source.scope != "all" and not in_scope:
        raise Refused(nobody_in_scope("no user of the tenant is assigned, directly or through a group"))
    write_problems(task.files, proven.read.problems)
    write_absent(task.files, absent.deleted, absent.gone)
    return SourceSnapshot(
        users=proven.users,
        completeness={**_completeness(task, graph, proven, scope, absent), **read.told, "unreadable": lacked},
        unreadable=unreadable,
        notes=(*proven.notes, *scope.notes),
        delta=read.kept,
    )


async def _users(task: _Task, graph: Graph, chosen: Selection, progress: Progress) -> _Users:
    """The users, from the last run's changes where that is asked for and possible, else read in full."""
    source = task.settings.source
    if source.read != "incremental":
        return _Users(await _in_full(task, graph, chosen, progress), {}, {"read": "full"})
    try:
        begin = delta.start(task.request, source, chosen, graph)
        went = await read_incrementally(graph, begin, chosen, task.folder, engine=task.engine, progress=progress)
        await _nobody_alive(task, graph, went.proven)
    except delta.ReadInFull as why:
        link = await delta.latest_link(graph, chosen)
        proven = await _in_full(task, graph, chosen, progress)
        proven.notes.append(f"Read in full: {why}.")
        if link is None:
            proven.notes.append("Graph offers no list of changes here; the next read is full again.")
        full_at = task.started.isoformat()
        kept = delta.sealed(
            link,
            chosen,
            proven.read.selection,
            full_at=full_at,
            problems=proven.read.problems,
            tenant=source.tenant_id,
        )
        return _Users(proven, kept, {"read": "full", "why_full": str(why)})
    read = went.proven.read
    kept = delta.sealed(
        went.link,
        chosen,
        read.selection,
        full_at=begin.full_at,
        problems=read.problems,
        tenant=source.tenant_id,
    )
    return _Users(went.proven, kept, {"read": "incremental", "full_at": begin.full_at, **went.told})


async def _nobody_alive(task: _Task, graph: Graph, proven: ProvenRead) -> None:
    """Check that the people the changes took away are really gone, while a full read can still put it right."""
    lost = await asyncio.to_thread(missing, task.engine, task.memory.managed(), proven.read.path)
    witness = await asyncio.to_thread(anybody, task.engine, proven.read.path)
    try:
        found = await absence.whereabouts(graph, lost, witness=witness)
    except Refused as refused:
        raise delta.ReadInFull("who the changes leave out could not be settled") from refused
    if found.alive:
        raise delta.ReadInFull("managed people the changes leave out were found alive")


async def _in_full(task: _Task, graph: Graph, chosen: Selection, progress: Progress) -> ProvenRead:
    proven = await proven_users(graph, chosen, task.folder, engine=task.engine, known=task.memory, progress=progress)
    proven.asked_again = await asked_again(graph, proven.read, task.engine, users=proven.users)
    if proven.read.selection.wants_manager and not proven.read.selection.expand:
        why = await read_apart(graph, proven.read, task.engine, progress)
    else:
        why = await doubted(graph, proven.read, task.memory.source or task.memory.latest, task.engine)
    if why:
        proven.read.selection = proven.read.selection.without("manager", why)
        proven.read.problems = {problem for problem in proven.read.problems if problem[1] != "manager"}
    return proven


async def _prove_absence(task: _Task, graph: Graph, proven: ProvenRead, scope: Scope) -> absence.Whereabouts:
    """Ask for everybody managed, and everybody assignments name, who is missing from the read."""
    lost = await asyncio.to_thread(missing, task.engine, task.memory.managed(), proven.read.path)
    named = await asyncio.to_thread(missing, task.engine, scope.named_users, proven.read.path)
    managed = set(lost)
    witness = await asyncio.to_thread(anybody, task.engine, proven.read.path)
    whereabouts = await absence.whereabouts(graph, lost, witness=witness)
    if whereabouts.alive:
        raise absence.found_alive(sorted(whereabouts.alive), why="managed people")
    others = await absence.whereabouts(graph, [key for key in named if key not in managed], witness=witness)
    if alive := others.alive_before(task.started):
        raise absence.found_alive(alive, why="assigned users or members of groups")
    return whereabouts


async def _purposes(
    task: _Task, graph: Graph, proven: ProvenRead, unreadable: dict[str, str], progress: Progress
) -> pa.Table | None:
    if "userPurpose" not in task.request.columns:
        return None
    if graph.granted.lacks(*MAILBOX):
        unreadable["userPurpose"] = "the app lacks MailboxSettings.Read"
        return None
    columns = [name for name in ("id", "userType") if name in {c.name for c in proven.read.selection.columns}]
    table = parquet.read_table(proven.read.path, columns=columns)
    kinds = table.column("userType").to_pylist() if "userType" in columns else [None] * table.num_rows
    keys = [key for key, kind in zip(table.column("id").to_pylist(), kinds, strict=True) if kind != "Guest"]
    try:
        return await purposes(graph, sorted(set(keys)), progress=progress)
    except NotReadable as error:
        unreadable["userPurpose"] = f"{error} (MailboxSettings.Read)"
        return None


def _columns(task: _Task, chosen: Selection, unreadable: dict[str, str]) -> list[str]:
    columns = [column.name for column in chosen.columns]
    columns += ["assigned", "assigned_by"]
    if task.request.people_groups or task.settings.source.scope == "groups" or "groups" in task.request.columns:
        columns.append("groups")
    for name in ("appRoleAssignments", "userPurpose"):
        if name in task.request.columns:
            columns.append(name)
    return [column for column in columns if column not in unreadable]


def _completeness(
    task: _Task, graph: Graph, proven: ProvenRead, scope: Scope, absent: absence.Whereabouts
) -> dict[str, Any]:
    tally = graph.tally
    previous = task.request.previous
    return {
        "kind": "entra",
        **proven.as_record(),
        "requests": tally.requests,
        "retries": tally.retries,
        "throttles": tally.throttles,
        "waited_seconds": round(tally.waited_seconds, 1),
        "slowed": tally.slowed,
        "restarts": tally.restarts,
        "token_renewals": tally.renewals,
        "scope": scope.proofs,
        "absent": absent.as_record(),
        "previous": {"run_id": previous.run_id, "users": previous.manifest.users} if previous else None,
    }


def _foremost(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error to show: what the configuration or the permissions cause first, then refusals."""
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup):
            waiting.extend(error.exceptions)
        else:
            leaves.append(forbidden(error, "users", "User.Read.All") if isinstance(error, GraphError) else error)
    for kind in (Misused, Failed, Refused):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0]
