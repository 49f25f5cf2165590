"""``trueup review``: the report on loopback, with the actions of a reviewer.

Only this machine's own browser can use it: the address holds a token, the Host header must be the one served
(no rebinding), a write must come from this very page (Origin, Fetch Metadata and a second secret), and nothing
of it is kept by the browser. It decides nothing: what the reviewer wants goes to two callbacks.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.flows import clearance, configuration, screen
from trueup.flows.approving import Wish, approve_one, reject_one
from trueup.flows.commands.review_wish import Progress, text_of, wish
from trueup.flows.listening import listen
from trueup.flows.runs import shown_run
from trueup.transforms.errors import Misused, TrueupError
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import RenderableType
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from trueup.reports.model import ReportView
    from trueup.transforms.history import PriorRun

_LARGEST = 4_000_000
"""Bytes of a request's body: a hundred thousand left-out people fit."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class ReviewActions:
    """What happens when the reviewer has decided; both give the run back with its new act."""

    on_approve: Callable[[Wish], PriorRun]
    on_reject: Callable[[str, str], PriorRun]
    """Name and reason."""
    on_state: Callable[[Progress], None] = lambda _: None
    """Where the reviewer is now, to be found again."""


@dataclass(slots=True)
class Session:
    """One review: what is served, to which address, and what is called when it is over."""

    view: ReportView
    actions: ReviewActions
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """In the address."""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """In the page, sent back with each write."""
    over: Callable[[], None] = lambda: None
    progress: Progress = field(default_factory=Progress)
    """Where the reviewer was."""

    @property
    def address(self) -> str:
        """What the reviewer opens."""
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The only Host headers answered."""
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    @property
    def may_approve(self) -> bool:
        """Whether the run can be approved at all, as far as its state tells."""
        open_states = (Outcome.READY, Act.APPROVED, Act.EXPIRED)
        if self.view.outcome == Outcome.REFUSED and self.view.state == Outcome.REFUSED:
            return bool(self.view.refusals) and all(refusal.overridable for refusal in self.view.refusals)
        return self.view.writes > 0 and self.view.state in open_states


def serve_review(
    view: ReportView, actions: ReviewActions, *, port: int = 0, who: str = "", progress: Progress | None = None
) -> None:
    """Serves the run's report with its actions on loopback until the reviewer has decided or presses Ctrl-C.

    Args:
        view: of the sealed run; checked for damage by the caller.
        actions: what approving and rejecting do.
        port: 0 picks a free one.
        who: a name to begin with; the reviewer may sign with another.
        progress: where they were.

    Raises:
        Failed: the port is taken.
    """
    import uvicorn

    listener = listen("127.0.0.1", port, remedy="Leave --port away to take a free one.")
    config: dict[str, Any] = {"ws": "none", "lifespan": "off", "log_config": None, "access_log": False}
    server: uvicorn.Server | None = None
    decided = threading.Event()

    def over() -> None:
        decided.set()
        if server is not None:
            server.should_exit = True

    session = Session(view, actions, listener.getsockname()[1], over=over, progress=progress or Progress())
    server = uvicorn.Server(uvicorn.Config(application(session, who), server_header=False, **config))
    screen.note("Open this address in a browser on this machine; Ctrl-C ends the review without a decision:")
    screen.say(session.address)
    with closing(listener), suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not decided.is_set():
        screen.note("The review ended without a decision.")


def application(session: Session, who: str = "") -> Starlette:
    """The web application of one review: the page, ``approve``, ``reject`` and ``state`` below the token."""
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import HTMLResponse, JSONResponse
    from starlette.routing import Route

    from trueup.reports.html import Review, render_html

    def page() -> str:
        state = session.progress.as_rows(session.view)
        return render_html(session.view, review=Review(session.secret, session.may_approve, who, state))

    def refused(request: Request, *, writes: bool) -> Response | None:
        status = _status(session, request, writes=writes)
        if status == 200:
            return None
        return JSONResponse({"ok": False, "message": "Not allowed."}, status, headers=_HEADERS)

    async def show(request: Request) -> Response:
        policy = {"Content-Security-Policy": "frame-ancestors 'none'"}
        return refused(request, writes=False) or HTMLResponse(page(), headers={**_HEADERS, **policy})

    async def decide(request: Request) -> Response:
        if answer := refused(request, writes=True):
            return answer
        action = request.url.path.rsplit("/", 1)[-1]
        try:
            said = _body(await request.body())
            message = await run_in_threadpool(_ACTIONS[action], session, said)
        except TrueupError as error:
            return JSONResponse({"ok": False, "message": str(error)}, 409, headers=_HEADERS)
        ends = None if action == "state" else BackgroundTask(session.over)
        return JSONResponse({"ok": True, "message": message}, headers=_HEADERS, background=ends)

    async def broke(_: Request, error: Exception) -> Response:
        message = f"An unexpected error occurred: {type(error).__name__}. Nothing was accepted or rejected here."
        return JSONResponse({"ok": False, "message": message}, 500, headers=_HEADERS)

    served = Starlette(
        exception_handlers={Exception: broke},
        routes=[
            Route("/{token}/", show, methods=["GET"]),
            Route("/{token}/approve", decide, methods=["POST"]),
            Route("/{token}/reject", decide, methods=["POST"]),
            Route("/{token}/state", decide, methods=["POST"]),
        ],
    )
    served.router.redirect_slashes = False
    return served


def _status(session: Session, request: Request, *, writes: bool) -> int:
    """200, or why the request is not answered; the same for what is missing and what is wrong."""
    host = request.headers.get("host", "")
    if host not in session.hosts:
        return 421
    if not hmac.compare_digest(request.path_params["token"].encode(), session.token.encode()):
        return 404
    site = request.headers.get("sec-fetch-site", "same-origin" if writes else "none")
    if not writes:
        return 200 if site in ("none", "same-origin") else 403
    own = request.headers.get("origin") == f"http://{host}" and site == "same-origin"
    secret = request.headers.get("x-trueup-review", "").encode()
    if not own or not hmac.compare_digest(secret, session.secret.encode()):
        return 403
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return 415
    return 200 if int(request.headers.get("content-length") or _LARGEST + 1) <= _LARGEST else 413


def _body(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Misused("The page sent something that is not a decision.", remedy="Load the page anew.")
    return said


def _approve(session: Session, said: dict[str, Any]) -> str:
    run = session.actions.on_approve(wish(session.view, said))
    act = next((act for act in reversed(run.acts) if act.act is Act.APPROVED), None)
    details = act.details if act else {}
    left_out = [row for row in details.get("left_out") or () if isinstance(row, dict)]
    sentences = [f"Accepted by {act.who if act else said.get('name', '')}."]
    if left_out:
        people = len({row.get("key") for row in left_out})
        sentences.append(f"Left out, with what depends on it: {len(left_out)} rows of {people} people.")
    sentences.append(f"Apply it with: trueup apply {run.run_id}")
    return "\n".join(sentences)


def _reject(session: Session, said: dict[str, Any]) -> str:
    name, reason = text_of(said, "name"), text_of(said, "reason")
    if not name or not reason:
        raise Misused("A rejection needs your name and a reason.", remedy="Fill in both; they are kept in the act.")
    run = session.actions.on_reject(name, reason)
    return f"Rejected by {name}. Nothing of run {run.run_id} will be applied."


def _remember(session: Session, said: dict[str, Any]) -> str:
    session.progress = Progress.from_rows(session.view, said)
    session.actions.on_state(session.progress)
    return ""


_ACTIONS: dict[str, Callable[[Session, dict[str, Any]], str]] = {
    "approve": _approve,
    "reject": _reject,
    "state": _remember,
}


def review_run(config: Path, run_id: str, *, port: int, who: str) -> None:
    """Serve the report on loopback with its actions until the reviewer has decided or presses Ctrl-C; says what was."""
    from trueup.connectors.archive import open_archive, refuse_damaged
    from trueup.connectors.archive.places import drafts
    from trueup.flows.beside import beside
    from trueup.flows.review_state import keep, kept
    from trueup.reports import approval_summary, view_of

    settings = configuration.load(config)
    archive = open_archive(settings)
    run = shown_run(archive, run_id)
    refuse_damaged(run)
    history = archive.history(settings.target.url)
    decided: list[RenderableType] = []

    def on_approve(wish: Wish) -> PriorRun:
        done, details = approve_one(settings, run.run_id, wish)
        decided.append(approval_summary(done, details))
        return done

    def on_reject(name: str, reason: str) -> PriorRun:
        done = reject_one(settings, run.run_id, who=name, reason=reason)
        decided.append(f"Rejected by {name}: {reason} Nothing of run {run.run_id} will be applied.")
        return done

    reviewer = clearance.reviewer(who)
    actions = ReviewActions(on_approve, on_reject, lambda progress: keep(archive.path, run, reviewer, progress))
    with drafts(archive.path, "trueup-review-") as aside:
        view = view_of(run, history, beside=beside(settings, run, aside))
    serve_review(view, actions, port=port, who=reviewer, progress=kept(archive.path, run, reviewer))
    for one in decided:
        screen.say(one)
