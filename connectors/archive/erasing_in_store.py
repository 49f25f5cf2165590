"""An erasure in an object store: what was prepared lies there too, so that any host finishes it.

``erasures/NUMBER/…`` is what was prepared, ``erasures/NUMBER.json`` says what becomes of it. That object is created
once: by the process that decides, or by one that finds something prepared and undecided, and gives it up. It stays,
and in the end says only that the erasure is over. Whoever finishes holds a lease; one who was frozen meanwhile and
wakes does no harm, as each object is replaced only while it is what it was before.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive import segments, settling
from trueup.connectors.archive.lines import closed_line, opened_line
from trueup.connectors.archive.object_store import each
from trueup.connectors.archive.pending import DECIDED, GIVEN_UP, OVER, PREPARED, STATE, THERE
from trueup.connectors.archive.staging import Staged
from trueup.connectors.archive.store import Changed
from trueup.connectors.archive.unfinished import is_under_way
from trueup.connectors.archive.vault import fits_bytes
from trueup.transforms.erasure.texts import lines_without
from trueup.transforms.errors import Failed, Refused
from trueup.transforms.run_files import RUN_ID, RunFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trueup.connectors.archive.remote import RemotePlace
    from trueup.connectors.archive.store import Version
    from trueup.connectors.archive.vault import Vault
    from trueup.transforms.erasure.person import Person
    from trueup.transforms.manifest import FileRecord

    Is = Callable[[Vault, str, bytes], bool]
    """Whether the content under a name is a certain one."""

DRAFT_HOURS = 1
"""A run without a manifest to which nothing was sent for so long is not being sealed by another host any more."""


@dataclass(frozen=True, slots=True)
class Doing:
    """What finishing an erasure takes that is the same for a folder."""

    add_act: Callable[[RunFiles, dict[str, Any], Staged], None]
    seam: Callable[[str], None]


def stage_segments(place: RemotePlace, aside: Path, person: Person) -> dict[str, dict[str, str]]:
    """Prepare the target's announcements that name the person; returns each one's hash before and after."""

    def one(name: str) -> tuple[str, dict[str, str]] | None:
        before = place.objects.read(name)
        after = _segment_without(place, before, person)
        if after == before:
            return None
        into = aside / name
        into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        into.write_bytes(after)
        return name, {"before": _sha256(before), "after": _sha256(after)}

    names = [name for name in place.mirror.listed if segments.NAME.fullmatch(name)]
    return dict(found for found in each(one, names) if found is not None)


def drafts(place: RemotePlace) -> tuple[list[str], list[str]]:
    """Runs in the store that were never sealed: those nobody seals any more, and those somebody may be sealing."""
    sealed = {name.partition("/")[0] for name in place.mirror.listed if name.endswith("/manifest.json")}
    newest: dict[str, datetime] = {}
    for name, seen in place.mirror.listed.items():
        if RUN_ID.fullmatch(run_id := name.partition("/")[0]) and run_id not in sealed:
            newest[run_id] = max(newest.get(run_id, seen.modified), seen.modified)
    # The store's own clock on both sides: leases of this moment are in the list.
    now = max((seen.modified for seen in place.mirror.listed.values()), default=None)
    left = [run for run, at in newest.items() if now and at < now - timedelta(hours=DRAFT_HOURS)]
    made_here = [run for run in newest if (place.mirror.root / run).is_dir()]
    left += [run for run in made_here if run not in left and not is_under_way(RunFiles(place.mirror.root / run))]
    return sorted(left), sorted(newest.keys() - set(left))


def decide(place: RemotePlace, aside: Path, plan: dict[str, Any]) -> None:
    """What was prepared in ``aside`` is in the store, and the erasure is decided.

    Raises:
        Failed: the store cannot be reached, or lets nothing be removed. Or this host was silent for too long: another
            one gave the erasure up, or may hold a target.
    """
    number = plan["number"]
    names = [f"{run_id}/{name}" for run_id, said in plan["runs"].items() for name in (*said["files"], *said["records"])]
    _try_to_remove(place, f"{THERE}/{number}/probe")
    each(lambda name: _sent(place, f"{THERE}/{number}/{name}", aside / name), [*names, *plan["objects"]])
    place.require_leases()
    try:
        place.objects.create_if_absent(_state_name(number), _said(DECIDED, plan))
    except FileExistsError:
        raise Failed(
            "Another host gave this erasure up: this one gave no sign of life for too long. Nothing was changed.",
            remedy="Run it again.",
        ) from None


def is_any_unfinished(place: RemotePlace) -> bool:
    """Whether something in the store was prepared for an erasure."""
    return any(PREPARED.fullmatch(name) for name in place.mirror.listed) or bool(place.erasing())


def finish_all(place: RemotePlace, doing: Doing) -> None:
    """Every erasure that was decided is done, and nothing that was prepared is left; the caller holds the lease."""
    listed = place.objects.every(THERE)
    numbers = {fits.group(1) for name in listed if (fits := STATE.fullmatch(name) or PREPARED.fullmatch(name))}
    prepared = {fits.group(1) for name in listed if (fits := PREPARED.fullmatch(name))} | place.erasing()
    for number in sorted(numbers & prepared):
        said, seen = _state(place, number)
        if said["state"] == DECIDED:
            _finish(place, said["plan"], doing)
            with suppress(Changed):  # somebody else has finished it too
                place.objects.replace_if_match(_state_name(number), _said(OVER), seen)
        with suppress(Failed):  # it names nobody who was erased, and the next command tries again
            place.objects.remove([name for name in listed if name.startswith(f"{THERE}/{number}/")])
    if numbers & prepared:
        place.look_again()


def _finish(place: RemotePlace, plan: dict[str, Any], doing: Doing) -> None:
    aside = f"{THERE}/{plan['number']}"
    for run_id, document in plan["runs"].items():
        said = Staged.from_json(run_id, document)
        doing.add_act(place.run(run_id), plan, said)
        doing.seam("act")
        both = {name: (_kept_as(before), _kept_as(after)) for name, (before, after) in said.files.items()}
        both |= {
            name: (_saying(one["before"]["sha256"]), _saying(one["after"]["sha256"]))
            for name, one in said.records.items()
        }
        for name, (before, after) in both.items():
            _replace(place, f"{run_id}/{name}", aside, before, after)
            doing.seam(name)
        if "manifest.json" in said.records:
            own = said.records["manifest.json"]["after"]["sha256"]
            settling.settle_head(place.objects, place.vault, run_id, own)
            doing.seam("head")
    for name, one in plan["objects"].items():
        _replace(place, name, aside, _exactly(one["before"]), _exactly(one["after"]))
        doing.seam(name)
    settling.settle_claims(place.objects, place.objects.every(settling.CLAIMS))
    doing.seam("claims")
    for run_id in plan["drafts"]:
        if not place.store_has(f"{run_id}/manifest.json"):
            place.remove(run_id, None)
    doing.seam("drafts")


def _segment_without(place: RemotePlace, content: bytes, person: Person) -> bytes:
    """The announcement without the person, encrypted where its run is."""
    head, _, rest = content.partition(b"\n")
    run_id = str(json.loads(head)["run"])
    cipher = place.vault.cipher(run_id) if run_id else None
    if cipher is None:
        return lines_without(content, person)
    said = b"".join(opened_line(line, cipher) or b"" for line in rest.splitlines(keepends=True))
    after = lines_without(said, person)
    return content if after == said else head + b"\n" + closed_line(after, cipher)


def _kept_as(record: FileRecord) -> Is:
    """Whether a file is what the record says: as it is kept, or where it was copied, in what it says."""

    def fits(vault: Vault, key: str, content: bytes) -> bool:
        if _sha256(content) == record.sha256:
            return True
        with suppress(Refused):
            return fits_bytes(content, vault.said(key, content), record)
        return False

    return fits


def _saying(sha256: str) -> Is:
    """Whether a manifest or an act says what has this hash, in whatever way it is kept."""

    def says(vault: Vault, key: str, content: bytes) -> bool:
        with suppress(Refused):
            return _sha256(vault.open(key, content)) == sha256
        return False

    return says


def _exactly(sha256: str) -> Is:
    return lambda _vault, _key, content: _sha256(content) == sha256


def _replace(place: RemotePlace, key: str, aside: str, before: Is, after: Is) -> None:
    """The object is as prepared; one that was pruned meanwhile stays away, one that is neither is left to verify."""
    while True:
        try:
            content, seen = place.objects.get(key)
            if before(place.vault, key, content):
                content = place.objects.read(f"{aside}/{key}")
                seen = place.objects.replace_if_match(key, content, seen)
        except Changed:
            continue
        except FileNotFoundError:
            return
        if after(place.vault, key, content):
            place.mirror.take(key, content, seen)
        return


def _state(place: RemotePlace, number: str) -> tuple[dict[str, Any], Version]:
    """What becomes of what was prepared; nothing, from now on, where nobody had decided."""
    with suppress(FileExistsError):
        place.objects.create_if_absent(_state_name(number), _said(GIVEN_UP))
    content, seen = place.objects.get(_state_name(number))
    return json.loads(content), seen


def _state_name(number: str) -> str:
    return f"{THERE}/{number}.json"


def _said(state: str, plan: dict[str, Any] | None = None) -> bytes:
    return json.dumps({"fresh": secrets.token_hex(16), "state": state, **({"plan": plan} if plan else {})}).encode()


def _try_to_remove(place: RemotePlace, key: str) -> None:
    """Find out before anything is decided whether the store lets us remove what is prepared, and drafts."""
    place.objects.create_if_absent(key, secrets.token_hex(16).encode())
    place.objects.remove([key])


def _sent(place: RemotePlace, key: str, path: Path) -> None:
    with suppress(FileExistsError):  # the number is random: it is ours
        place.objects.create_if_absent(key, path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
