"""Runs as they stand in the archive, read and believed only when they fit their own hashes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from trueup.connectors.archive import people
from trueup.connectors.archive.atomic_files import on_disk
from trueup.connectors.archive.lines import opened_size
from trueup.connectors.archive.places import place_of, store_of, vault_of
from trueup.connectors.archive.records import unsigned_problem
from trueup.transforms.erasure.stated import erasures, stands_for
from trueup.transforms.errors import Misused, Refusal, Refused
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import SCHEMA_VERSION, ActRecord, Manifest
from trueup.transforms.run_files import JOURNAL, RUN_ID
from trueup.transforms.targets import same_target
from trueup.transforms.vocabulary import SILENT_ACTS, Act

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trueup.transforms.manifest import FileRecord
    from trueup.transforms.run_files import RunFiles

    ProblemOf = Callable[[Path, bytes], str]

_FORMAT = re.compile(rb'\n  "schema_version": (\d+)')
_ACT = re.compile(r"(\d{3,})-([a-z_]+)\.json")
LATEST = "latest"
CLOSING = (Act.APPLIED, Act.PARTIALLY_APPLIED, Act.INTERRUPTED, Act.REJECTED)
"""Acts after which the journal, as far as they state it, is settled."""


def problem_of_record(_: Path, content: bytes) -> str:
    """Why these bytes are not the record that was written; empty when they are."""
    return unsigned_problem(content)


def directories(root: Path) -> Iterator[RunFiles]:
    """Every directory that is named like a run, sealed or not, newest first."""
    if not root.is_dir():
        return
    with on_disk("The archive cannot be read"):
        place = place_of(root)
        names = [name for name in reversed(place.run_ids()) if RUN_ID.fullmatch(name)]
    for name in names:
        yield place.run(name)


def sealed(root: Path) -> Iterator[RunFiles]:
    """Every run that happened: its manifest is there. Newest first."""
    return (files for files in directories(root) if files.manifest.exists())


def act_paths(files: RunFiles) -> list[Path]:
    """The files of ``acts/`` that are named like acts, by number."""
    listed = store_of(files.path.parent).list(f"{files.run_id}/{files.acts.name}")
    names = [name for name in listed if _ACT.fullmatch(name)]
    return [files.acts / name for name in sorted(names, key=lambda name: (int(name.partition("-")[0]), name))]


def read_manifest(files: RunFiles, problem_of: ProblemOf = problem_of_record) -> tuple[Manifest, str]:
    """The manifest and the SHA-256 of its file.

    Raises:
        Refused: it is not what was sealed.
    """
    content = _bytes(files, files.manifest)
    if problem := problem_of(files.manifest, content):
        raise damaged(files.run_id, f"manifest.json was changed: {problem}")
    refuse_newer(files.run_id, content)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise damaged(files.run_id, f"manifest.json is of another form: {_where(error)}") from None
    if manifest.run_id != files.run_id:
        raise damaged(files.run_id, f"manifest.json is that of run {manifest.run_id}")
    return manifest, hashlib.sha256(content).hexdigest()


def refuse_newer(run_id: str, content: bytes) -> None:
    """Return where this version knows the format of a manifest that fits its own hash.

    Raises:
        Refused: a later version wrote it; which one is needed is said.
    """
    if not (stated := _FORMAT.search(content)) or int(stated.group(1)) <= SCHEMA_VERSION:
        return
    document = json.loads(content)
    found = document.get("schema_version")
    if isinstance(found, int) and found > SCHEMA_VERSION:
        wrote = str((document.get("versions") or {}).get("trueup", "a later one"))
        raise Refused(
            Refusal(
                "format_newer",
                f"Run {run_id} has format {found}; this version of Trueup reads formats up to {SCHEMA_VERSION}.",
                remedy=f"Use Trueup {wrote} or later with this archive.",
            )
        )


def read_acts(
    files: RunFiles, manifest_sha256: str, problem_of: ProblemOf = problem_of_record
) -> tuple[ActRecord, ...]:
    """The acts in order.

    Raises:
        Refused: one is changed, missing, doubled, or does not follow the one before it.
    """
    acts: list[ActRecord] = []
    previous = manifest_sha256
    every = [(path, read_act(files, path, problem_of)) for path in act_paths(files)]
    erased = erasures(record for _, record in every)
    for number, (path, record) in enumerate(every, start=1):
        if record.number != number or path.name != act_name(record):
            raise damaged(files.run_id, f"acts/{path.name} stands where act {number} is expected")
        if record.previous_sha256 not in stands_for(previous, erased):
            raise damaged(files.run_id, f"acts/{path.name} does not follow what is before it")
        acts.append(record)
        previous = record.sha256
    return tuple(acts)


def stated_hashes(files: RunFiles, sha256: str) -> set[str]:
    """Every hash by which the run's manifest may be named: its own, and those from before a person was erased from it.

    Raises:
        Refused: an act is changed.
    """
    erased = [path for path in act_paths(files) if path.name.endswith(f"-{Act.ERASED}.json")]
    return stands_for(sha256, [read_act(files, path) for path in erased])


def read_act(files: RunFiles, path: Path, problem_of: ProblemOf = problem_of_record) -> ActRecord:
    """One act; raises ``Refused`` when it is not what was written."""
    content = _bytes(files, path)
    if problem := problem_of(path, content):
        raise damaged(files.run_id, f"acts/{path.name} was changed: {problem}")
    try:
        return ActRecord.model_validate_json(content)
    except ValidationError as error:
        raise damaged(files.run_id, f"acts/{path.name} is of another form: {_where(error)}") from None


def act_name(record: ActRecord) -> str:
    """The file name of an act."""
    return f"{record.number:03d}-{record.act.value}.json"


def read_run(files: RunFiles, problem_of: ProblemOf = problem_of_record, *, people_too: bool = True) -> PriorRun:
    """One sealed run with its acts and state; data files are not looked at.

    Without ``people_too`` the records stand alone: what their side files say of people is not read.

    Raises:
        Refused: manifest or acts are damaged.
    """
    manifest, sha256 = read_manifest(files, problem_of)
    acts = read_acts(files, sha256, problem_of)
    state = state_of(files, manifest, acts)
    if people_too:
        manifest, acts = people.whole(files, manifest, acts, damaged)
    return PriorRun(files, manifest, acts, state)


def state_of(files: RunFiles, manifest: Manifest, acts: tuple[ActRecord, ...]) -> str:
    """Last act other than those that are silent, else the outcome; ``interrupted`` while the journal is open."""
    if is_open(files, acts):
        return Act.INTERRUPTED.value
    telling = [act for act in acts if act.act not in SILENT_ACTS]
    return telling[-1].act.value if telling else manifest.outcome.value


def is_open(files: RunFiles, acts: tuple[ActRecord, ...]) -> bool:
    """Whether the journal says more than the last closing act knew of."""
    journal = files.path / JOURNAL  # never brought for this: where a run is open, it is here
    if not journal.exists():
        return False
    closing = [act for act in acts if act.act in CLOSING]
    if not closing:
        return True
    stated = closing[-1].files.get(JOURNAL)
    return stated is not None and _goes_on(files, journal, stated)


def _goes_on(files: RunFiles, journal: Path, stated: FileRecord) -> bool:
    """Whether the journal is longer than an act says; of one that was copied, whether what it says is."""
    is_encrypted = vault_of(files.path.parent).is_encrypted(files.run_id)
    if is_encrypted == (stated.content is not None):
        return journal.stat().st_size > stated.bytes
    if not is_encrypted:
        return journal.stat().st_size > stated.said.bytes
    with journal.open("rb") as lines:
        return opened_size(lines) > stated.bytes


def undamaged(root: Path) -> tuple[PriorRun, ...]:
    """All sealed runs, newest first; raises ``Refused`` when any is damaged."""
    return tuple(read_run(files) for files in sealed(root))


def readable(
    root: Path, problem_of: ProblemOf = problem_of_record, *, people_too: bool = True
) -> tuple[tuple[PriorRun, ...], tuple[tuple[str, Refused], ...]]:
    """All sealed runs that can be believed, newest first, and apart from them those that cannot, with the reason.

    See :func:`read_run`.
    """
    good: list[PriorRun] = []
    bad: list[tuple[str, Refused]] = []
    for files in sealed(root):
        try:
            good.append(read_run(files, problem_of, people_too=people_too))
        except Refused as refused:
            bad.append((files.run_id, refused))
    return tuple(good), tuple(bad)


def history(root: Path, target_url: str) -> History:
    """All sealed runs against this target, newest first; raises ``Refused`` when any run is damaged."""
    return history_of(undamaged(root), target_url)


def history_of(runs: Iterable[PriorRun], target_url: str) -> History:
    """Those of ``runs`` that are against this target, in their order."""
    wanted = same_target(target_url)
    return History(tuple(run for run in runs if same_target(run.manifest.target) == wanted))


def load(root: Path, name: str) -> PriorRun:
    """The run called ``name``; see ``Archive.load``."""
    return read_run(find(root, name))


def find(root: Path, name: str) -> RunFiles:
    """The sealed run called ``name``: id, beginning of an id, path of its directory, ``latest`` or ``latest:any``.

    ``latest`` is the newest run that came to decisions, as long as one did; ``latest:any`` the newest of all.

    Raises:
        Misused: no sealed run, or several, are called that.
    """
    wanted = Path(name.strip()).name
    every = list(sealed(root))
    if wanted == LATEST and every:
        return next((files for files in every if came_to_decisions(files)), every[0])
    if wanted == f"{LATEST}:any" and every:
        return every[0]
    found = [files for files in every if wanted and files.run_id.startswith(wanted)]
    exact = [files for files in found if files.run_id == wanted]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        some = ", ".join(files.run_id for files in found[:3])
        raise Misused(f"{len(found)} runs begin with {wanted!r}: {some} …", remedy="Give more of the run's id.")
    if RUN_ID.fullmatch(wanted) and (root / wanted).is_dir():
        raise Misused(f"Run {wanted} was never finished: it has no manifest.", remedy="Plan again: trueup plan")
    raise Misused(f"There is no run {wanted!r} in the archive.", remedy="See the runs there are: trueup runs")


def came_to_decisions(files: RunFiles) -> bool:
    """Whether the run decided about everybody; it may have been refused after that.

    Raises:
        Refused: its manifest is damaged.
    """
    return files.decisions.name in read_manifest(files)[0].files


def damaged(run_id: str, text: str) -> Refused:
    """The refusal for a run that is not what was sealed."""
    return Refused(
        Refusal(
            "run_damaged",
            f"Run {run_id} is damaged: {text}.",
            remedy="Look at all of it with: trueup verify --archive. Restore the run's directory from your backup, "
            "or move it out of the archive.",
        )
    )


def _bytes(files: RunFiles, path: Path) -> bytes:
    try:
        return store_of(files.path.parent).read(path.relative_to(files.path.parent).as_posix())
    except FileNotFoundError:
        raise damaged(files.run_id, f"{path.name} is missing") from None
    except OSError as error:
        raise damaged(files.run_id, f"{path.name} cannot be read ({error.strerror})") from error


def _where(error: ValidationError) -> str:
    return ", ".join(sorted({".".join(map(str, one["loc"])) or "the whole" for one in error.errors()})[:3])
