"""A review as ``trueup review`` serves it, in a thread of the test, with actions that only remember."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvicorn

from trueup.flows.commands.review import ReviewActions, Session, application
from trueup.flows.listening import listen
from trueup.reports import view_of
from trueup.transforms.manifest import ActRecord
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trueup.flows.approving import Wish
    from trueup.flows.commands.review_wish import Progress
    from trueup.transforms.errors import TrueupError
    from trueup.transforms.history import History, PriorRun


@dataclass
class Office:
    """What was wished; raises ``trouble`` instead when it is set."""

    run: PriorRun
    wishes: list[Wish] = field(default_factory=list)
    rejections: list[tuple[str, str]] = field(default_factory=list)
    states: list[Progress] = field(default_factory=list)
    trouble: TrueupError | RuntimeError | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    is_busy: Callable[[], bool] = lambda: False
    """Whether the server still works on something, as it does after the answer to a decision."""

    def forget(self) -> None:
        """Nothing has been wished yet; what an earlier test asked for must be over, or it would end this review."""
        deadline = time.monotonic() + 60
        while self.is_busy():
            assert time.monotonic() < deadline, "the server is still at work for an earlier test"
            time.sleep(0.01)
        self.wishes.clear()
        self.rejections.clear()
        self.states.clear()
        self.trouble = None
        self.ended.clear()

    def approve(self, wish: Wish) -> PriorRun:
        if self.trouble:
            raise self.trouble
        self.wishes.append(wish)
        left = [{"key": key, "attribute": None, "because": "left out"} for key in wish.exclude]
        act = ActRecord(
            act=Act.APPROVED,
            number=1,
            at=self.run.manifest.sealed,
            who=wish.who,
            previous_sha256="0" * 64,
            details={"left_out": left},
        )
        return type(self.run)(self.run.files, self.run.manifest, (act,), "approved")

    def reject(self, name: str, reason: str) -> PriorRun:
        if self.trouble:
            raise self.trouble
        self.rejections.append((name, reason))
        return self.run


@contextmanager
def reviewing(run: PriorRun, history: History) -> Iterator[tuple[Session, Office]]:
    """Serves the run's review on a free port for the block."""
    office = Office(run)
    listener = listen("127.0.0.1", 0, remedy="")
    session = Session(
        view_of(run, history),
        ReviewActions(office.approve, office.reject, office.states.append),
        listener.getsockname()[1],
        over=office.ended.set,
    )
    config = uvicorn.Config(application(session, "Ada"), ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    office.is_busy = lambda: bool(server.server_state.tasks)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield session, office
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
