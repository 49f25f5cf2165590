"""After each write: the whole profile is compared with what it should be, and what our write lost is put back."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trueup.connectors.outcome import RESTORE
from trueup.connectors.scim.profiles import version_of
from trueup.connectors.scim.responses import sentence
from trueup.connectors.scim_writer.apply_context import Attempt, Settled
from trueup.connectors.scim_writer.forms import body
from trueup.transforms.aftermath import Aftermath, compare, only_missing
from trueup.transforms.values.equality import classify, same, seen
from trueup.transforms.values.paths import PATCH_OP, attributes_in, get, parse, put, reference
from trueup.transforms.vocabulary import Kept, Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from trueup.connectors.scim.responses import Answer
    from trueup.connectors.scim_writer.apply_context import ApplyContext
    from trueup.connectors.scim_writer.forms import Form
    from trueup.transforms.work import WorkItem

GONE = (404, 410)
_REVOKED = frozenset({"roles", "entitlements"})
"""What a target may take from somebody who is deactivated: nobody gets that back from us."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One write that was carried out."""

    profile_id: str
    form: Form
    before: dict[str, Any]
    """The profile as read just before."""
    writing: Mapping[str, Any]
    after: dict[str, Any]
    """The profile as read just after."""
    read: Callable[..., Awaitable[dict[str, Any] | None]]
    """Reads it again; handed what the target answered to a write."""
    deactivates: bool = False
    beside: Mapping[str, Any] = field(default_factory=dict)
    """What the same step wants of other attributes: where that came by itself, nothing was altered."""
    in_doubt: bool = False
    """An earlier apply died over it: ``after`` was read later, and somebody may have edited the profile meanwhile."""


@dataclass(slots=True)
class Seen:
    """What was made of it."""

    resource: dict[str, Any]
    """The profile as it is now."""
    reason: str = ""
    also: tuple[str, ...] = ()
    """Attributes that are otherwise and stay so."""


async def see_to(context: ApplyContext, item: WorkItem, deed: Deed) -> Seen:
    """Compare, learn what the form does here, and put back what it should not have done.

    Raises:
        Failed: the journal cannot be written, or the token is no longer taken.
    """
    found = _compared(context, deed, deed.after)
    if not found.is_clean and (followed := await _with_references_of_now(context, deed)) is not deed:
        deed, found = followed, _compared(context, followed, followed.after)
    if deed.in_doubt:  # whatever else is otherwise may be somebody's edit, and says nothing of the form
        return Seen(deed.after) if found.is_clean else await _put_back(context, item, deed, found)
    if found.is_clean:
        if is_at_stake(deed.form, deed.before, deed.writing):
            context.learned.was_harmless(deed.form, deed.writing)
        return Seen(deed.after)
    heads = {parse(attribute).whole.lower() for attribute in deed.writing}
    schemas = {parse(attribute).schema.lower() for attribute in deed.writing} - {""}
    beyond = any(
        name.lower() not in heads and not any(name.lower().startswith(schema) for schema in schemas)
        for name in (*found.lost, *found.altered)
    )
    context.learned.was_harmful(deed.form, deed.writing, found.harm, beyond=beyond)
    return await _put_back(context, item, deed, found)


async def _with_references_of_now(context: ApplyContext, deed: Deed) -> Deed:
    """A reference that led to a profile which does not answer under that id now was not our write's to keep.

    Some targets give a profile another id when it is written, and move references to it along.
    """
    before = deed.before
    for path in map(parse, context.managed):
        if not path.is_reference:
            continue
        was, now = (seen(path, get(each, path)) for each in (before, deed.after))
        if was is None or same(was, now):
            continue
        looked = await context.sender.get_profile(str(was))
        if looked.status in GONE or (looked.resource is not None and str(looked.resource["id"]) != str(was)):
            before = copy.deepcopy(before)
            put(before, path, reference(now))
    return deed if before is deed.before else replace(deed, before=before)


def _compared(context: ApplyContext, deed: Deed, after: dict[str, Any]) -> Aftermath:
    wanted = {**deed.beside, **deed.writing}
    now = context.values(after, wanted)
    kept = [a for a, value in wanted.items() if classify(value, now[a]) is not Kept.NOT_KEPT]
    asked = {a: value for a, value in wanted.items() if a in deed.writing or a in kept}
    ignored = context.learned.derived | context.shape.read_only() | (_REVOKED if deed.deactivates else frozenset())
    found = compare(deed.before, after, asked, kept=kept, ignored=ignored, typeless=context.shape.typeless)
    return only_missing(found, after) if deed.in_doubt else found


def is_at_stake(form: Form, before: dict[str, Any], writing: Iterable[str]) -> bool:
    """Whether the write could lose anything: other members beside those written, other attributes beside for a PUT."""
    have = attributes_in(before)
    paths = [parse(attribute) for attribute in writing]
    written = {path.whole.lower() for path in paths}
    if form.method == "PUT":
        return bool(have.keys() - written)
    for path in paths:
        held = have.get(path.whole.lower(), ("", None))[1]
        mates = {name for name in have if path.schema and name.startswith(f"{path.schema.lower()}:")} - written
        if mates or (not path.schema and not path.sub) or isinstance(held, list):
            return True
        if isinstance(held, dict) and len(held) > 1:
            return True
    return False


async def _put_back(context: ApplyContext, item: WorkItem, deed: Deed, found: Aftermath) -> Seen:
    """Whatever ``found`` names gets the value read just before, by another form than the one that did it."""
    now, left, attempts, last, is_taken = deed.after, found, 0, "", False
    damaged = [name for name in found.wanted if name not in found.junk] or list(deed.writing)
    for form in context.learned.safe_for(damaged, avoid=deed.form):
        attempts += 1
        answer, now = await _say_again(context, item, deed, (form, now, left))
        last, is_taken = sentence(answer, with_detail=True), is_taken or answer.is_ok
        still = _compared(context, deed, now)
        if set(still.wanted) - set(found.wanted):
            context.learned.was_harmful(form, damaged, still.harm, beyond=True)
        left = still
        if left.is_clean:
            break
    is_derived = is_taken and bool(found.altered) and found.altered == left.altered and not found.takes_away
    if is_derived:
        # Taken, and it reads otherwise whatever is said and however: the target's own making, no fault of the form.
        # Where nothing was taken, that says nothing of the attribute, and it goes on being looked after.
        context.learned.derives(deed.form, found.altered)
    missed = sorted(left.wanted)
    context.note_collateral(missed)
    why = f"the target {last}" if attempts else "no safe way of writing it is left"
    end = f"not put back: {', '.join(missed)} ({why})" if missed else "put back"
    wanted = {name: value for name, value in found.wanted.items() if name not in found.junk}
    should = _with(deed.before, wanted)
    settled = Settled(
        result=Result.FAILED if missed and not is_derived else Result.APPLIED,
        profile_id=str(now["id"]),
        was=deed.profile_id if str(now["id"]) != deed.profile_id else "",
        reason=f"our write {_what(found)}; {end}",
        attempts=attempts,
        before=context.read(deed.after, wanted),
        written=context.read(should, wanted),
        found=context.compared(context.read(should, wanted), now),
        resource=now,
    )
    await context.record_result(item, f"{RESTORE} {', '.join(sorted(found.wanted))}", settled, operation=RESTORE)
    return Seen(now, f"our write {_what(found)}; {end}", tuple(missed))


def _what(found: Aftermath) -> str:
    parts = [
        f"{verb} {', '.join(names)}"
        for verb, names in (
            ("took away", found.lost),
            ("altered", found.altered),
            ("left more than one in", found.left_over),
            ("was stored as", found.junk),
        )
        if names
    ]
    return " and ".join(parts)


async def _say_again(
    context: ApplyContext, item: WorkItem, deed: Deed, turn: tuple[Form, dict[str, Any], Aftermath]
) -> tuple[Answer, dict[str, Any]]:
    """One request that says the missing values; the answer, and the profile as it is then."""
    form, now, left = turn
    wanted = {name: value for name, value in left.wanted.items() if name not in left.junk}
    step = f"{RESTORE} {', '.join(sorted(left.wanted))}"
    had, has = context.read(_with(deed.before, wanted), wanted), context.read(now, wanted)
    profile_id = str(now["id"])
    attempt = Attempt(profile_id, has, had, form.name, now)
    await context.intend(item, step, attempt, operation=RESTORE)
    values = {name: _as_written(name, value) for name, value in wanted.items()}
    if form.method == "PUT":
        now = {name: value for name, value in now.items() if name not in left.junk}
        request = body(form, now, values, context.shape)
    else:
        operations = body(form, now, values, context.shape)["Operations"] if values else []
        removals = [{"op": "remove", "path": name} for name in left.junk]
        request = {"schemas": [PATCH_OP], "Operations": operations + removals}
    send = context.sender.put if form.method == "PUT" else context.sender.patch
    answer = await send(profile_id, request, version_of(now) if context.learned.versions_fit else None)
    context.answered(item, step, profile_id, answer)
    seen = await deed.read(answer.resource)
    return answer, now if seen is None else seen


def _with(before: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The profile as it should be: as read before the write, with what was kept of the write in it."""
    should = copy.deepcopy(before)
    for name, value in wanted.items():
        put(should, parse(name), _as_written(name, value))
    return should


def _as_written(name: str, value: Any) -> Any:
    """A reference is written by its id."""
    return reference(value) if parse(name).is_reference else value
