"""The report as one self-contained page: readable offline, from a file share, and safe with hostile names."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from trueup.reports.assets import Assets, assets
from trueup.reports.chart import chart
from trueup.reports.difference import Parted, parted
from trueup.reports.escaping import script_data, visible
from trueup.reports.listed import Pool, change_columns, codes_of, detail_of, first_changes, people_columns, vocabulary
from trueup.reports.pictures import pictures
from trueup.reports.sentences import CAUSE_REMEDIES, LABELS, number
from trueup.reports.templating import template
from trueup.reports.verdict import asked_of_others
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.reports.model import ReportView
    from trueup.reports.pictures import Pictures

_GROUP_ROOM = 200
"""Groups shown as lines of their own; what is beyond is said and stands in the list of people."""


@dataclass(frozen=True, slots=True)
class Review:
    """What makes the page a place to accept or reject."""

    secret: str
    """Sent back with every request, so that no other page can ask."""
    may_approve: bool
    who: str = ""
    """A name to begin with."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """Where the reviewer was: ``looked`` (rows), ``notes`` (row → text), ``note``."""
    signed_in: bool = False
    """Whether the server knows who decides; else they sign with a name."""


def render_html(view: ReportView, *, review: Review | None = None, parts: Assets | None = None) -> str:
    """The whole page; with ``review`` it carries actions and must be served."""
    parts = parts or assets()
    drawings = pictures(view.organisation)
    page: str = template("report.html.j2").render(
        **body_words(view, drawings),
        review=review,
        team=False,
        policy=parts.policy(served=review is not None),
        style=Markup(parts.style),  # noqa: S704 - the style sheet that is installed with this package: nothing of a person or a run is in it
        script=Markup(parts.module),  # noqa: S704 - as installed with this package, with the grid's: nothing of a person or a run is in it
        data=Markup(script_data(json.dumps(_data(view, review), ensure_ascii=False, separators=(",", ":")))),  # noqa: S704 - escaped by script_data
        licence=parts.licence,
    )
    return page


def body_words(view: ReportView, drawings: Pictures) -> dict[str, Any]:
    """What the templates in ``report/`` need, beside ``review``, ``team`` and ``licence``."""
    return {
        "view": view,
        "chart": chart(view.trend),
        "pictures": drawings.drawn,
        "not_drawn": drawings.not_drawn,
        "parted": parted_visibly,
        "number": number,
        "labels": LABELS,
        "remedies": CAUSE_REMEDIES,
        "group_room": _GROUP_ROOM,
        "superseded": _superseded_by(view),
        "asked_of_others": asked_of_others,
    }


def _superseded_by(view: ReportView) -> str:
    """The newer plan that made this one void; empty where none did."""
    found = (str(act.details.get("by", "")) for act in reversed(view.acts) if act.act is Act.SUPERSEDED)
    return next(found, "")


def parted_visibly(before: str, after: str) -> tuple[Any, Any]:
    """What differs between two values, with what is invisible spelt out.

    Spelt out of the whole and escaped here: a space where a value was cut is none at its end.
    """
    one, two = (Parted(*map(escape, astuple(part))) for part in parted(visible(before), visible(after)))
    return one, two


def _data(view: ReportView, review: Review | None) -> dict[str, Any]:
    """What the list shows, in columns; text is a number into ``strings``, -1 where there is none."""
    people, changes = view.people, view.changes
    pool, codes = Pool(), codes_of(people, changes)
    listed = people_columns(people, pool, codes, view.at)
    changed = change_columns(changes, pool, codes)
    words = vocabulary(view, codes)
    return {
        "review": None
        if review is None
        else {"secret": review.secret, "may_approve": review.may_approve, "state": dict(review.state)},
        "run": words.pop("run"),
        "links": words.pop("links"),
        "details": [detail_of(one) for one in view.details],
        **words,
        "strings": pool.texts,
        "people": {**listed, "first": first_changes(changes, people.num_rows)},
        "changes": changed,
    }
