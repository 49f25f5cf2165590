"""Who is told how a run ended: once, in the report's own sentences, and never so that a run has to wait or fails."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from trueup.flows import screen, termination
from trueup.flows.flow_runs import host_of
from trueup.flows.safe_errors import impersonal
from trueup.reports.messages import letter_of, plan_message, titled
from trueup.transforms.approval.run_state import APPLY_ACTS, is_approvable, is_begun, is_partial
from trueup.transforms.archive_url import is_url
from trueup.transforms.measures import still_needed, waits
from trueup.transforms.messages import TROUBLE, Event, Message
from trueup.transforms.vocabulary import WRITING, Act, Kind, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trueup.connectors.notify import Ledger, SharedLedger
    from trueup.transforms.errors import TrueupError
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.settings import Settings

_DAY = timedelta(days=1)
_BEING_TOLD = timedelta(minutes=5)
"""Since a run was sealed: by then its own process has told of it, or has gone on to apply it."""


@contextmanager
def harmless() -> Iterator[None]:
    """Whatever goes wrong with a message fails nothing; it is said in the block's place.

    Raises:
        KeyboardInterrupt: nothing went wrong: somebody asked the process to end.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is: raised after the seal, Prefect would call a night failed that did not fail
        termination.go_on(error)
        screen.trace(error)
        screen.note(f"The notification could not be written ({type(error).__name__}).")


def link_to(settings: Settings, run: PriorRun) -> str:
    """Where the report of ``run`` can be opened: as ``[report] link`` says, else its place in the archive."""
    if settings.report.link:
        return settings.report.link.replace("{run_id}", run.run_id)
    return str(run.files.report_place)


@harmless()
def tell(settings: Settings, message: Message) -> None:
    """Tell those ``[notify]`` names what happened, unless they were told; what does not arrive is said on stderr."""
    from trueup.connectors.notify import channel_names, channels, deliver

    if not channel_names(settings):
        return
    ledger = ledger_of(settings)
    with ledger.telling(message.once) as attempt:
        if attempt is None:
            return
        answers = deliver(channels(settings), letter_of(message))
        attempt.arrived = not all(answers.values())
    ledger.took_note(answers)
    if message.event in TROUBLE:
        ledger.trouble(message.title)
    for channel, why in answers.items():
        if why:
            screen.note(f"The notification to {channel} did not arrive: {why}")


def ledger_of(settings: Settings) -> Ledger | SharedLedger:
    """What was told of this target: on this host, or by any host where the archive lies in an object store."""
    from trueup.connectors.archive.reaching import reached
    from trueup.connectors.notify import Ledger, SharedLedger

    if is_url(settings.archive.path):
        return SharedLedger(reached(settings), settings.target.url)
    return Ledger(settings.archive_root, settings.target.url)


def not_arriving(settings: Settings) -> tuple[str, ...]:
    """A sentence for each channel whose last message did not arrive, for the report."""
    from trueup.connectors.notify import channel_names

    failing = ledger_of(settings).failing(channel_names(settings))
    return tuple(f"{one.text} Try it: trueup notify --test" for one in failing)


def tell_again(settings: Settings, history: History, now: datetime) -> None:
    """Tell of the newest run where that reached nobody, or where its process was ended before it told of it."""
    if not history.runs:
        return
    run = history.runs[0]
    arrived = ledger_of(settings).has_arrived(f"plan:{run.run_id}")
    is_left = arrived is None and not run.acts and _BEING_TOLD < now - run.manifest.sealed < _DAY
    if is_left or arrived is False:
        tell_of_plan(settings, run, history)


@harmless()
def tell_of_plan(settings: Settings, run: PriorRun, history: History) -> None:
    """Tell of a sealed run. Of nothing to do only after trouble, as its end."""
    from trueup.connectors.notify import channel_names
    from trueup.reports import view_of

    if not channel_names(settings):
        return
    before: list[str] = []
    if run.manifest.outcome in {Outcome.READY, Outcome.NOTHING_TO_DO} and not run.manifest.only:
        if trouble := ledger_of(settings).trouble_is_over():
            before.append(f"Recovered: this run succeeded, after “{trouble.rpartition(': ')[2]}”.")
        elif run.manifest.outcome is Outcome.NOTHING_TO_DO:
            return
        if (since := waiting_since(run, history)) and run.manifest.outcome is Outcome.READY:
            before.append(
                f"Plans have waited since {since:%Y-%m-%d %H:%M} UTC: nobody accepted or rejected the last one, "
                "and this one takes its place."
            )
    elif run.manifest.outcome is Outcome.NOTHING_TO_DO:
        return
    message = plan_message(
        view_of(run, history),
        host_of(settings),
        outside=impersonal,
        link=link_to(settings, run),
        named=settings.notify.names,
        before=tuple(before),
    )
    tell(settings, message)


def tell_of_apply(settings: Settings, run: PriorRun, counts: dict[Result, int], *, partly: bool) -> None:
    """Tell of an apply that came to an end; of one that only found everything done already, nobody."""
    ends = [act.number for act in run.acts if act.act in APPLY_ACTS]
    if not partly and not sum(counts.values()):
        return
    told = ", ".join(f"{counts[result]:,} {result.value}" for result in (Result.APPLIED, Result.SKIPPED, Result.FAILED))
    event = Event.PARTLY_APPLIED if partly else Event.APPLIED
    words = "was only partly applied" if partly else "was applied"
    resume = f"trueup apply {run.run_id}" if run.state == Act.INTERRUPTED else f"trueup show {run.run_id}"
    message = Message(
        event,
        f"apply:{run.run_id}:{max(ends, default=0)}",
        titled(event, host_of(settings)),
        (f"Run {run.run_id} {words}: {told}.",),
        run_id=run.run_id,
        counts=_planned(run),
        commands=(resume,) if partly else (f"trueup verify {run.run_id}",),
        link=link_to(settings, run),
    )
    tell(settings, message)


def tell_of_error(settings: Settings, error: TrueupError, *, once: str, doing: str) -> None:
    """Tell that something broke where no run was sealed that would say so."""
    sentences = (f"{doing} {error.message}", error.remedy)
    message = Message(
        Event.FAILED,
        once,
        titled(Event.FAILED, host_of(settings)),
        tuple(impersonal(said) for said in sentences if said),
        commands=("trueup doctor", "trueup plan"),
        link=settings.archive.path,
    )
    tell(settings, message)


def say(settings: Settings, event: Event, sentence: str, *, once: str, commands: Sequence[str] = ()) -> None:
    """Tell one sentence of what the service noticed."""
    title = titled(event, host_of(settings))
    tell(settings, Message(event, once, title, (impersonal(sentence),), commands=tuple(commands)))


def waiting_since(run: PriorRun, history: History) -> datetime | None:
    """Since when whole plans before ``run`` have waited without a decision; None where none did.

    Each night's plan takes the place of the one before, so that the plan itself never looks old.
    """
    since = None
    for other in history.runs:
        if other.run_id >= run.run_id or other.kind is not Kind.RECONCILE or is_partial(other):
            continue
        if other.manifest.outcome is Outcome.FAILED or (
            other.manifest.outcome is Outcome.REFUSED and not is_approvable(other)
        ):
            continue  # nothing of it ever waited
        decided = {Act.APPROVED, Act.REJECTED} & {act.act for act in other.acts}
        if other.manifest.outcome is Outcome.NOTHING_TO_DO or decided or is_begun(other):
            break
        since = other.manifest.sealed
    return since


def remind(settings: Settings, history: History, now: datetime) -> None:
    """Tell again of plans that still wait, ``remind_hours`` after somebody was told first, and then once a day."""
    hours = settings.notify.remind_hours
    if not hours:
        return
    for run in history.runs:
        if not waits(run, history):
            continue
        since = waiting_since(run, history) or run.manifest.sealed
        over = now - max(run.manifest.sealed, since) - timedelta(hours=hours)
        if over < timedelta(0):
            continue
        approved = not still_needed(run)
        what = "is approved and waits to be applied" if approved else "waits for somebody to accept or reject it"
        if run.state == Act.EXPIRED:
            what = f"{what} again, as its approval has expired"
        if run.state == Act.APPROVED and not approved:
            what = f"waits for {still_needed(run)} more to accept it"
        message = Message(
            Event.REMINDER,
            f"remind:{run.run_id}:{over // _DAY}",
            titled(Event.REMINDER, host_of(settings)),
            (
                f"Run {run.run_id} {what}, since {run.manifest.sealed:%Y-%m-%d %H:%M} UTC.",
                *((f"Plans have waited since {since:%Y-%m-%d %H:%M} UTC.",) if since < run.manifest.sealed else ()),
            ),
            run_id=run.run_id,
            counts=_planned(run),
            commands=(f"trueup apply {run.run_id}",) if approved else (f"trueup review {run.run_id}",),
            link=link_to(settings, run),
        )
        tell(settings, message)


def _planned(run: PriorRun) -> tuple[tuple[str, int], ...]:
    """People by decision, of those decisions that write."""
    return tuple((word.value, count) for word in WRITING if (count := run.manifest.counts.get(word, 0)))


def test_message(settings: Settings) -> Message:
    """What ``trueup notify --test`` sends."""
    now = datetime.now(UTC)
    return Message(
        Event.TEST,
        f"test:{now.isoformat()}",
        titled(Event.TEST, host_of(settings)),
        ("This is a test: messages about runs arrive here.",),
        counts=(("update", 2), ("create", 1)),
        commands=("trueup runs",),
        link=settings.report.link.replace("{run_id}", "latest") or settings.archive.path,
    )


def states(settings: Settings, *, test: bool) -> list[dict[str, Any]]:
    """Every channel with the result of its last message; with ``test`` of one that is sent now."""
    from trueup.connectors.notify import channel_names, channels, deliver

    names, ledger = channel_names(settings), ledger_of(settings)
    if test:
        ledger.took_note(deliver(channels(settings), letter_of(test_message(settings))))
    failing = {one.channel: one for one in ledger.failing(names)}
    return [
        {
            "channel": name,
            "ok": name not in failing,
            "problem": failing[name].why if name in failing else "",
            "since": failing[name].since if name in failing else None,
        }
        for name in names
    ]
