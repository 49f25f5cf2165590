"""What somebody who signed in decides becomes an act, by the same functions as a command's.

An approval is bound to the fingerprint on the page and to what the page knew: who knows less is told what was decided
meanwhile, and by which reviewer. Nothing is confirmed before it is on disk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.flows.approving import Wish, approve_one, decided_by, reject_one
from trueup.flows.commands.review_wish import LONGEST_NOTE
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import Act, Via

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.flows.review.context import Service
    from trueup.flows.review.sessions import Person
    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import ActRecord
    from trueup.transforms.settings import Settings

MOST = 200_000
"""Selectors of one request."""
_ANEW = "Load the page anew."


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a decision that is on disk."""

    run: PriorRun
    message: str
    facts: dict[str, Any]
    """For the page's script."""


def approve(
    service: Service, person: Person, run_id: str, said: Mapping[str, Any], notes: Mapping[str, str]
) -> Decided:
    """Accept a plan, wholly or in part.

    Raises:
        Misused: the request is not what a page sends, or leaves nothing to apply.
        Refused: the run cannot be approved now; each reason is named.
    """
    settings = service.settings_now()
    exclude = [one for said_ in words(said, "exclude") for one in service.pages.selectors(run_id, said_)]
    own = own_of(settings, person, run_id)
    wish = Wish(
        who=person.name,
        only=tuple(words(said, "only")),
        exclude=tuple(exclude),
        allow=reasons(said),
        fingerprint=fingerprint(said),
        note=text(said, "note") or notes.get("", ""),
        notes={key: note for key, note in notes.items() if key},
        via=Via.SIGN_IN,
        identity=person.identity,
        own=own,
        after=number(said, "acts"),
    )
    run, details = approve_one(settings, run_id, wish)
    service.log("approved", person.identity, run_id=run.run_id, left_out=len(details["left_out"]))
    waiting = own if settings.approval.approvers == 1 else ()
    return Decided(run, _sentences(person, details, waiting), _facts(details, waiting))


def reject(service: Service, person: Person, run_id: str, said: Mapping[str, Any]) -> Decided:
    """Turn a plan down.

    Raises:
        Misused: there is no reason, or it is another plan.
        Refused: it is applied already, over, or somebody was quicker.
    """
    reason = text(said, "reason")
    if not reason:
        raise Misused("A rejection needs a reason.", remedy="Say why; it is kept with the run.")
    run = reject_one(
        service.settings_now(),
        run_id,
        who=person.name,
        reason=reason,
        fingerprint=fingerprint(said),
        known=decided_by(Via.SIGN_IN, person.identity),
        after=number(said, "acts"),
    )
    service.log("rejected", person.identity, run_id=run.run_id)
    return Decided(run, f"Rejected by {person.name}. Nothing of run {run.run_id} will be applied.", {})


def own_of(settings: Settings, person: Person, run_id: str) -> tuple[str, ...]:
    """The person's own rows: alone, nobody accepts them. Kept however many must accept, as that may be changed."""
    from trueup.connectors.archive import open_archive, refuse_damaged
    from trueup.transforms.approval.own_rows import own_rows

    run = open_archive(settings, writable=False).load(run_id)
    refuse_damaged(run)
    return own_rows(run, person.identity.subject, person.login)


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object a page sent; raises ``Misused``."""
    try:
        said = json.loads(body.decode())
        if b"\\u" in body:
            json.dumps(said, ensure_ascii=False).encode()  # half a pair of surrogates is not text (RFC 8259 §8.2)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Misused("The page sent something that is not a decision.", remedy=_ANEW)
    return said


def text(said: Mapping[str, Any], key: str, longest: int = LONGEST_NOTE) -> str:
    """A text of the page's, empty where there is none; raises ``Misused``."""
    value = said.get(key, "")
    if not isinstance(value, str):
        raise Misused("The page sent something that is not a text.", remedy=_ANEW)
    if len(value) > longest:
        raise Misused("A text is too long.", remedy=f"Keep it below {longest:,} characters.")
    return value.strip()


def words(said: Mapping[str, Any], key: str) -> list[str]:
    """A list of selectors, each once; raises ``Misused``."""
    value = said.get(key, [])
    if not isinstance(value, list) or len(value) > MOST or not all(isinstance(one, str) and one for one in value):
        raise Misused("The page sent something that is not a list of texts.", remedy=_ANEW)
    if any(one.startswith("@") for one in value):  # a command's way to name a file of this machine
        raise Misused("The page names something that is not in this run.", remedy=_ANEW)
    return list(dict.fromkeys(value))


def reasons(said: Mapping[str, Any]) -> dict[str, str]:
    """Limits with the reason each is overridden for; raises ``Misused``."""
    value = said.get("allow", {})
    if not isinstance(value, dict) or len(value) > 1_000:
        raise Misused("The page sent something that is not a list of limits.", remedy=_ANEW)
    given = {limit: text(value, limit) for limit in value}
    if not all(given.values()):
        raise Misused("A limit is overridden only with a reason.", remedy="Say why; it is kept with the approval.")
    return given


def fingerprint(said: Mapping[str, Any]) -> str:
    """The whole fingerprint of the plan on the page; raises ``Misused``."""
    value = text(said, "fingerprint", 64)
    if len(value) != 64:
        raise Misused("The page does not say which plan it shows.", remedy=_ANEW)
    return value


def number(said: Mapping[str, Any], key: str) -> int:
    """How many acts the page knows of; raises ``Misused``."""
    value = said.get(key)
    if type(value) is not int or value < 0:
        raise Misused("The page does not say what it knows of the run.", remedy=_ANEW)
    return value


def _left_out(act: ActRecord) -> Any:
    """What an approval leaves out; of an apply the word stands for a number."""
    return act.details.get("left_out", ()) if act.act is Act.APPROVED else ()


def acts_of(run: PriorRun) -> dict[str, dict[str, Any]]:
    """The acts of a run as the live state tells them, by number."""
    return {
        str(act.number): {
            "what": str(act.act),
            "who": act.who,
            "at": act.at.isoformat(timespec="seconds"),
            "via": act.via if act.act in (Act.APPROVED, Act.REJECTED) else "",
            "left_out": len({row["key"] for row in _left_out(act) if isinstance(row, dict)}),
            "note": act.reason if act.act in (Act.APPROVED, Act.REJECTED) else "",
        }
        for act in run.acts
    }


def _sentences(person: Person, details: Mapping[str, Any], own: tuple[str, ...]) -> str:
    sentences = [f"Accepted by {person.name}."]
    rows = [row for row in details["left_out"] if isinstance(row, dict)]
    if rows:
        people = len({row["key"] for row in rows})
        sentences.append(f"Left out, with what depends on it: {len(rows)} rows of {people} people.")
    if own:
        sentences.append("Your own row is left out until somebody else accepts the plan as well.")
    if needed := details.get("still_needed"):
        sentences.append(f"{needed} more must accept it before it can be applied.")
    return " ".join(sentences)


def _facts(details: Mapping[str, Any], own: tuple[str, ...]) -> dict[str, Any]:
    rows = [row for row in details["left_out"] if isinstance(row, dict)]
    return {
        "left_out": len(rows),
        "people": len({row["key"] for row in rows}),
        "own": bool(own),
        "still_needed": details.get("still_needed", 0),
    }
