"""``trueup review``: the report on loopback, with the actions of a reviewer.

Only this machine's own browser can use it: the address holds a token, the Host header must be the one served
(no rebinding), a write must come from this very page (Origin, Fetch Metadata and a second secret), and nothing
of it is kept by the browser. It decides nothing: what the reviewer wants goes to two callbacks.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.flows import clearance, configuration, screen
from trueup.flows.approving import Wish, approve_one, reject_one
from trueup.flows.runs import shown_run
from trueup.transforms.errors import Failed, Misused, TrueupError
from trueup.transforms.vocabulary import WRITING, Act, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from trueup.reports.model import ReportView
    from trueup.transforms.history import History, PriorRun

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


@dataclass(frozen=True, slots=True)
class Session:
    """One review: what is served, to whom, and who is told when it is over."""

    view: ReportView
    actions: ReviewActions
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """In the address."""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """In the page, sent back with each write."""
    over: Callable[[], None] = lambda: None

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


def serve_review(run: PriorRun, history: History, actions: ReviewActions, *, port: int = 0, who: str = "") -> None:
    """Serves the run's report with its actions on loopback until the reviewer has decided or presses Ctrl-C.

    Args:
        run: the sealed run; checked for damage by the caller.
        history: runs against the same target.
        actions: what approving and rejecting do.
        port: 0 picks a free one.
        who: a name to begin with; the reviewer may sign with another.

    Raises:
        Failed: the port is taken.
    """
    import uvicorn

    from trueup.reports import view_of

    listener = listen(port)
    config: dict[str, Any] = {"ws": "none", "lifespan": "off", "log_config": None, "access_log": False}
    server: uvicorn.Server | None = None
    decided = threading.Event()

    def over() -> None:
        decided.set()
        if server is not None:
            server.should_exit = True

    session = Session(view_of(run, history), actions, listener.getsockname()[1], over=over)
    server = uvicorn.Server(uvicorn.Config(application(session, who), server_header=False, **config))
    screen.note("Open this address in a browser on this machine; Ctrl-C ends the review without a decision:")
    screen.say(session.address)
    with closing(listener), suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not decided.is_set():
        screen.note("The review ended without a decision.")


def listen(port: int) -> socket.socket:
    """A socket on loopback; 0 picks a free port.

    Raises:
        Failed: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise Failed(f"Port {port} cannot be used.", remedy="Leave --port away to take a free one.") from error
    return listener


def application(session: Session, who: str = "") -> Starlette:
    """The web application of one review: the page, ``approve`` and ``reject`` below the token."""
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import HTMLResponse, JSONResponse
    from starlette.routing import Route

    from trueup.reports.html import Review, render_html

    page = render_html(session.view, review=Review(session.secret, session.may_approve, who))

    def refused(request: Request, *, writes: bool) -> Response | None:
        status = _status(session, request, writes=writes)
        if status == 200:
            return None
        return JSONResponse({"ok": False, "message": "Not allowed."}, status, headers=_HEADERS)

    async def show(request: Request) -> Response:
        policy = {"Content-Security-Policy": "frame-ancestors 'none'"}
        return refused(request, writes=False) or HTMLResponse(page, headers={**_HEADERS, **policy})

    async def decide(request: Request) -> Response:
        if answer := refused(request, writes=True):
            return answer
        action = request.url.path.rsplit("/", 1)[-1]
        try:
            said = _body(await request.body())
            message = await run_in_threadpool(_approve if action == "approve" else _reject, session, said)
        except TrueupError as error:
            return JSONResponse({"ok": False, "message": str(error)}, 409, headers=_HEADERS)
        return JSONResponse({"ok": True, "message": message}, headers=_HEADERS, background=BackgroundTask(session.over))

    async def broke(_: Request, error: Exception) -> Response:
        message = f"An unexpected error occurred: {type(error).__name__}. Nothing was accepted or rejected here."
        return JSONResponse({"ok": False, "message": message}, 500, headers=_HEADERS)

    served = Starlette(
        exception_handlers={Exception: broke},
        routes=[
            Route("/{token}/", show, methods=["GET"]),
            Route("/{token}/approve", decide, methods=["POST"]),
            Route("/{token}/reject", decide, methods=["POST"]),
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
    name, reason = _text(said, "name"), _text(said, "reason")
    if not name or not reason:
        raise Misused("A rejection needs your name and a reason.", remedy="Fill in both; they are kept in the act.")
    run = session.actions.on_reject(name, reason)
    return f"Rejected by {name}. Nothing of run {run.run_id} will be applied."


def wish(view: ReportView, said: dict[str, Any]) -> Wish:
    """What the page says, as ``trueup approve`` would say it; people come as row numbers of the view.

    Raises:
        Misused: no name, or a row or attribute that is not in the view.
    """
    name = _text(said, "name")
    if not name:
        raise Misused("An approval needs your name.", remedy="Sign with your name; it is kept in the act.")
    rows, paths, allow = said.get("people", []), said.get("attributes", []), said.get("allow", {})
    if not (_are_rows(rows, view) and _are_attributes(paths, view) and _are_reasons(allow)):
        raise Misused("The page names something that is not in this run.", remedy="Load the page anew.")
    keys = view.people["key"].take(sorted(set(rows))).to_pylist() if rows else []
    return Wish(
        who=name,
        exclude=(*keys, *sorted(set(paths))),
        allow=allow,
        fingerprint=view.fingerprint,
    )


def _are_rows(rows: Any, view: ReportView) -> bool:
    """Whether these are rows of people who would be written."""
    if not isinstance(rows, list) or any(type(row) is not int or not 0 <= row < view.people.num_rows for row in rows):
        return False
    decisions = view.people["decision"]
    return all(decisions[row].as_py() in WRITING for row in rows)


def _are_attributes(paths: Any, view: ReportView) -> bool:
    known = [line.attribute for line in view.attributes]
    return isinstance(paths, list) and all(path in known for path in paths)


def _are_reasons(allow: Any) -> bool:
    return isinstance(allow, dict) and all(isinstance(reason, str) for reason in allow.values())


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    return value.strip() if isinstance(value, str) else ""


def review_run(config: Path, run_id: str, *, port: int, who: str) -> None:
    """Serve the report on loopback with its actions until the reviewer has decided or presses Ctrl-C."""
    from trueup.connectors.archive import open_archive, refuse_damaged

    settings = configuration.load(config)
    archive = open_archive(settings)
    run = shown_run(archive, run_id)
    refuse_damaged(run)

    def on_approve(wish: Wish) -> PriorRun:
        return approve_one(settings, run.run_id, wish)[0]

    def on_reject(name: str, reason: str) -> PriorRun:
        return reject_one(settings, run.run_id, who=name, reason=reason)

    actions = ReviewActions(on_approve=on_approve, on_reject=on_reject)
    serve_review(run, archive.history(settings.target.url), actions, port=port, who=clearance.reviewer(who))
