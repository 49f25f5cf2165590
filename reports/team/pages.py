"""Each page of a shared review as HTML: a frozen view and a frame in, text out; nothing is decided here."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import orjson
from markupsafe import Markup

from trueup.reports.assets import assets
from trueup.reports.escaping import script_data, visible
from trueup.reports.html import Review, body_words, parted_visibly
from trueup.reports.nights import WORDS, limits_of, stages_of
from trueup.reports.sentences import number
from trueup.reports.team.assets import names
from trueup.reports.team.listing import Question
from trueup.reports.team.messages import message
from trueup.reports.team.model import (
    ArchivePage,
    Frame,
    LimitsPage,
    MessagePage,
    NightsPage,
    PeoplePage,
    PersonPage,
    RunPage,
    SessionsPage,
    address_of,
)
from trueup.reports.templating import template

if TYPE_CHECKING:
    from trueup.reports.team.model import ErrorKind

_PARTS = {"people": ("id", "key", "name", "user", "profile", "decision", "reason", "words", "event", "remedy", "since",
                     "left", "new", "first", "end"),
          "changes": ("attribute", "before", "after", "cause", "group")}  # fmt: skip
ACT_WORDS = {
    "approved": "accepted it",
    "rejected": "rejected it",
    "applied": "applied it",
    "partially_applied": "applied a part of it",
    "interrupted": "was interrupted while applying it",
    "verified": "compared the directory with it",
    "superseded": "replaced it by a newer plan",
    "expired": "let the approval run out",
    "released": "released what it restored",
    "forgotten": "had forgotten what was learnt of the target",
    "pruned": "removed its people; its figures stay",
    "erased": "erased a person from it",
}
"""What somebody did, after their name."""


def page(view: Any, frame: Frame) -> str:
    """The whole page of ``view``, as ``frame.viewer`` may see it.

    Args:
        view: one of the pages of ``trueup.reports.team.model``.
        frame: who looks, and the nonce of this answer.
    """
    drawn: str = _drawn(view, frame)
    return drawn


def error_page(
    kind: ErrorKind,
    frame: Frame,
    *,
    text: str = "",
    remedy: str = "",
    action: str = "",
    action_label: str = "",
) -> str:
    """A page that says why there is nothing else; see ``trueup.reports.team.messages``."""
    said = message(kind, text=text, remedy=remedy, action=action, action_label=action_label)
    return page(said, frame)


@singledispatch
def _drawn(view: Any, frame: Frame) -> str:
    raise TypeError(f"{type(view).__name__} is not a page of {frame.path}")


@_drawn.register
def _(view: NightsPage, frame: Frame) -> str:
    body = _body("nights", view, frame, stages_of=stages_of, limits_of=limits_of, **WORDS)
    return _framed(frame, body, title="Nights", place="/")


@_drawn.register
def _(view: PeoplePage, frame: Frame) -> str:
    return _framed(frame, _body("people", view, frame, address_of=address_of), title="People", place="/people")


@_drawn.register
def _(view: PersonPage, frame: Frame) -> str:
    body = _body("person", view, frame, parted=parted_visibly)
    return _framed(frame, body, title="One person", place="/people")


@_drawn.register
def _(view: ArchivePage, frame: Frame) -> str:
    tone = "stop" if any(one.tone == "fix" for one in view.lines) else ""
    return _framed(frame, _body("archive", view, frame, size=size), title="Archive", place="/health", tone=tone)


@_drawn.register
def _(view: LimitsPage, frame: Frame) -> str:
    return _framed(frame, _body("limits", view, frame), title="Limits", place="/limits")


@_drawn.register
def _(view: SessionsPage, frame: Frame) -> str:
    return _framed(frame, _body("sessions", view, frame), title="Your sessions", place="/sessions")


@_drawn.register
def _(view: MessagePage, frame: Frame) -> str:
    return _framed(frame, _body("message", view, frame), title=view.title, place="", tone="attention")


@_drawn.register
def _(view: RunPage, frame: Frame) -> str:
    viewer = frame.viewer
    acts = bool(viewer and viewer.is_reviewer and viewer.may_decide and view.is_open)
    if acts not in view.drawn:
        view.drawn[acts] = _run_body(view, acts=acts)
    me = {} if viewer is None else {
        "id": viewer.id, "name": visible(viewer.name), "csrf": viewer.csrf, "own_key": viewer.own_key,
        "may_apply": viewer.may_apply,
    }  # fmt: skip
    return _framed(
        frame,
        view.drawn[acts],
        title=view.view.verdict,
        place="",
        tone=view.view.tone,
        style="run.css",
        script="run.js",
        viewer_data=_script(orjson.dumps(me)),
    )


def _run_body(view: RunPage, *, acts: bool) -> Markup:
    """The part of a run's page that is the same for everybody who may do the same."""
    text = template("team/run.html.j2").render(
        **body_words(view.view, view.pictures),
        page=view,
        review=Review("", may_approve=True, signed_in=True) if acts else None,
        team=True,
        licence=assets().licence,
        data=_script(orjson.dumps(_data(view))),
    )
    return Markup(text)  # noqa: S704 - a template with autoescape made it


def _data(view: RunPage) -> dict[str, Any]:
    """What the script begins with: the words of the run, and the first part of the list."""
    listing, writes = view.listing, view.view.writes
    first = Question(0, 50, "", (), (("decision", "writes"),) if writes else ())
    return {
        **listing.words,
        "paged": True,
        "review": None,
        "details": [],
        "strings": [],
        **{name: {column: [] for column in columns} for name, columns in _PARTS.items()},
        "size": listing.size,
        "counts": listing.counts(),
        "part": orjson.Fragment(listing.part(first)),
        "acts": view.acts,
        "fingerprint": view.view.fingerprint,
        "left_by": dict(view.left_by),
        "act_words": ACT_WORDS,
    }


def _script(content: bytes) -> Markup:
    return Markup(script_data(content.decode()))  # noqa: S704 - escaped by script_data


def _body(name: str, view: Any, frame: Frame, **words: Any) -> Markup:
    text = template(f"team/{name}.html.j2").render(page=view, frame=frame, **{"number": number, **words})
    return Markup(text)  # noqa: S704 - a template with autoescape made it


def _framed(
    frame: Frame,
    body: Markup,
    *,
    title: str,
    place: str,
    tone: str = "",
    style: str = "pages.css",
    script: str = "",
    viewer_data: Markup | None = None,
) -> str:
    found = names()
    whole: str = template("team/frame.html.j2").render(
        frame=frame,
        body=body,
        title=title,
        place=place,
        tone=tone,
        icon=found["mark.svg"],
        style=found[style],
        script=found[script] if script else "",
        viewer_data=viewer_data,
    )
    return whole


def size(count: int) -> str:
    """Bytes in words."""
    for unit, step in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count} bytes"
