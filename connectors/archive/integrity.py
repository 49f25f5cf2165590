"""Whether a run is still what was sealed, and the archive still one chain."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trueup.connectors.archive import people, reading
from trueup.connectors.archive.acts import NUMBERED, next_number
from trueup.connectors.archive.atomic_files import sha256_of
from trueup.connectors.archive.cipher import KEY_FILE
from trueup.connectors.archive.lines import opened_lines
from trueup.connectors.archive.pending import is_any_pending, is_pending
from trueup.connectors.archive.places import place_of, store_of, vault_of
from trueup.connectors.archive.seals import LATER, stands_in
from trueup.transforms.erasure.stated import erasures, stands_for
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.history import PriorRun
from trueup.transforms.run_files import JOURNAL
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.manifest import ActRecord, FileRecord, Manifest
    from trueup.transforms.run_files import RunFiles

_NUMBERED = re.compile(r"(\d{3,})-[a-z_]+\.json")

_SENT_BEFORE_ITS_ACT = re.compile(
    rf"manifest\.json|{re.escape(KEY_FILE)}|acts/.*|{'|'.join(map(re.escape, LATER))}"
    rf"|(?:{'|'.join(NUMBERED)})-\d{{3,}}\.parquet"
)
"""What a command that was killed may leave in an object store, where nothing can be renamed; nobody reads it."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was written."""

    run_id: str
    file: str
    """Relative to the run's directory; empty when the run itself is meant."""
    kind: Literal["changed", "missing", "unknown", "chain"]
    text: str
    """A sentence."""

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


def check_run(run: PriorRun | RunFiles) -> list[Damage]:
    """Every changed, missing and unknown file of a sealed run, and every break in its acts; empty when whole.

    What an interrupted apply leaves (``outcome.parquet``, ``target_after.parquet`` beside an open journal) is no
    damage, nor is what an interrupted verify leaves: doing it again writes it anew. What was pruned is not missing.
    """
    files = run.files if isinstance(run, PriorRun) else run
    try:
        manifest, sha256 = reading.read_manifest(files)
    except Refused as refused:
        return [Damage(files.run_id, "manifest.json", "changed", refused.message)]
    found, acts = _check_acts(files, sha256)
    found += _check_files(files, manifest, acts)
    if not found:
        found += _check_fingerprint(files, manifest, acts)
    return found


def _check_fingerprint(files: RunFiles, manifest: Manifest, acts: tuple[ActRecord, ...]) -> list[Damage]:
    """Of a run somebody was erased from: whether its content is the one stated then, as far as it is still there."""
    stated = next((act.fingerprint for act in reversed(acts) if act.act is Act.ERASED), None)
    covered = (files.source, files.target, files.decisions, files.changes, files.mapping_sql)
    if not stated or not all(path.exists() for path in covered) or is_any_pending(files.path.parent):
        return []
    from trueup.transforms.fingerprint import fingerprint  # brings Arrow, which opening an archive can do without

    if fingerprint(files, manifest.configuration_digest, version=manifest.fingerprint_version) == stated:
        return []
    return [Damage(files.run_id, "", "changed", "its content is not the one stated when a person was erased from it.")]


def refuse_damaged(run: PriorRun | RunFiles) -> None:
    """Return when the run is whole.

    Raises:
        Refused: ``run_damaged``, naming every file.
    """
    if found := check_run(run):
        files = run.files if isinstance(run, PriorRun) else run
        raise Refused(
            [
                Refusal(
                    "run_damaged",
                    f"Run {files.run_id} is damaged: {damage.text}",
                    remedy="Restore the run's directory from your backup, or plan again: trueup plan",
                )
                for damage in found
            ]
        )


def check_archive(root: Path) -> list[Damage]:
    """All damage of all sealed runs, newest first, and every break in the chain of manifests."""
    place_of(root).look_thoroughly()
    found = [damage for files in reading.sealed(root) for damage in check_run(files)]
    return found + check_chain(root)


def _check_acts(files: RunFiles, manifest_sha256: str) -> tuple[list[Damage], tuple[ActRecord, ...]]:
    found: list[Damage] = []
    acts: list[ActRecord] = []
    previous, expected = manifest_sha256, 1
    erased = _erasures(files)
    for path in reading.act_paths(files):
        name = f"acts/{path.name}"
        number = int(path.name.partition("-")[0])
        found += [
            Damage(files.run_id, f"acts/{gap:03d}-*.json", "missing", f"act {gap} is missing.")
            for gap in range(expected, number)
        ]
        follows = number == expected
        expected = number + 1
        try:
            record = reading.read_act(files, path)
        except Refused as refused:
            found.append(Damage(files.run_id, name, "changed", refused.message))
            previous = ""
            continue
        if record.number != number or reading.act_name(record) != path.name:
            found.append(Damage(files.run_id, name, "changed", f"{name} is not the act its name says."))
        elif previous and (not follows or record.previous_sha256 not in stands_for(previous, erased)):
            found.append(Damage(files.run_id, name, "chain", f"{name} does not follow what is before it."))
        acts.append(record)
        previous = record.sha256
    return found, tuple(acts)


def _erasures(files: RunFiles) -> list[ActRecord]:
    """The ``erased`` acts that can be read: what they state is looked at before the chain is."""
    found: list[ActRecord] = []
    for path in reading.act_paths(files):
        if path.name.endswith(f"-{Act.ERASED}.json"):
            with suppress(Refused):
                found.append(reading.read_act(files, path))
    return found


def _check_files(files: RunFiles, manifest: Manifest, acts: tuple[ActRecord, ...]) -> list[Damage]:
    known = people.accepted_records(manifest, acts)
    erasing = any(is_pending(files.path.parent, str(act.details.get("number"))) for act in erasures(acts))
    pruned = {name for act in acts if act.act is Act.PRUNED for name in act.details.get("files", ())}
    unsettled = _unfinished(files, acts)
    unsettled.add(JOURNAL)  # it only grows; without an act the run is interrupted, which is not damage
    found = [
        damage
        for name, records in known.items()
        if (name not in unsettled or name == JOURNAL)
        and (damage := _check_one(files, name, records if erasing else records[-1:], gone_is_right=name in pruned))
    ]
    for path in sorted(files.path.rglob("*")):
        name = path.relative_to(files.path).as_posix()
        if not (_belongs(files, path) or name in known or name in unsettled or _is_named_late(files, path, acts)):
            found.append(Damage(files.run_id, name, "unknown", f"{name} is in no manifest and no act."))
    elsewhere = (one.name for one in place_of(files.path.parent).contents(files.run_id) if one.name not in known)
    found += [
        Damage(files.run_id, name, "unknown", f"{name} is in no manifest and no act.")
        for name in elsewhere
        if not (files.path / name).exists() and not _SENT_BEFORE_ITS_ACT.fullmatch(name)
    ]
    return found


def _unfinished(files: RunFiles, acts: tuple[ActRecord, ...]) -> set[str]:
    """Names of files an apply or a verify that was killed may have left; the next one writes them anew."""
    # Never the whole file: it would hide that the act about it was removed.
    found = {f"{stem}-{next_number(acts, stem):03d}.part" for stem in NUMBERED}
    found.add(f"{files.acts.name}/{len(acts) + 1:03d}.people.part")
    if reading.is_open(files, acts):
        for path in (files.path / "outcome.parquet", files.path / "target_after.parquet"):
            found |= {path.name, path.with_suffix(".part").name, path.with_suffix(".spool").name}
    return found


def _is_named_late(files: RunFiles, path: Path, acts: tuple[ActRecord, ...]) -> bool:
    """Whether the file is one whose act was written just before the file was to get its name."""
    name = path.with_suffix(".parquet").relative_to(files.path).as_posix()
    record = next((act.files[name] for act in acts if name in act.files), None)
    return record is not None and path.suffix == ".part" and stands_in(path, record)


def _check_one(files: RunFiles, name: str, records: list[FileRecord], *, gone_is_right: bool) -> Damage | None:
    """The damage, where the file fits none of the records; the last one's."""
    damage = None
    for record in records:
        damage = _check_file(files, name, record, gone_is_right=gone_is_right)
        if damage is None:
            return None
    return damage


def _check_file(files: RunFiles, name: str, record: FileRecord, *, gone_is_right: bool) -> Damage | None:
    path = files.path / name
    length = record.bytes if name == JOURNAL else None
    try:
        files.bring_kept(name)
    except Refused:
        return Damage(files.run_id, name, "changed", f"{name} is not what was written.")
    try:
        same = not path.is_symlink() and sha256_of(path, length) == record.sha256
        same = same and (length is not None or path.stat().st_size == record.bytes)
        same = same or _says_the_same(files, name, record)
    except FileNotFoundError:
        gone_is_right = gone_is_right or stands_in(path.with_suffix(".part"), record)
        return None if gone_is_right else Damage(files.run_id, name, "missing", f"{name} is missing.")
    except OSError as error:
        return Damage(files.run_id, name, "changed", f"{name} cannot be read ({error.strerror}).")
    return None if same else Damage(files.run_id, name, "changed", f"{name} is not what was written.")


def _says_the_same(files: RunFiles, name: str, record: FileRecord) -> bool:
    """Whether what was copied into, or out of, an encrypted archive still says what it said."""
    vault = vault_of(files.path.parent)
    if name != JOURNAL:
        return vault.fits(f"{files.run_id}/{name}", files.path / name, record)
    cipher, stated = vault.cipher(files.run_id), record.said
    if cipher is None:
        return record.content is not None and sha256_of(files.path / name, stated.bytes) == stated.sha256
    said = b"".join(opened_lines(files.path / name, cipher))
    return hashlib.sha256(said[: stated.bytes]).hexdigest() == stated.sha256


def _belongs(files: RunFiles, path: Path) -> bool:
    if path in (files.manifest, files.acts, files.path / KEY_FILE):
        return not path.is_symlink()
    return path.parent == files.acts and bool(_NUMBERED.fullmatch(path.name)) and path.is_file()


def check_chain(root: Path) -> list[Damage]:
    """Where manifests form no chain in which each names the one sealed before it, and no two the same.

    A manifest that was rewritten when somebody was erased goes by each of its hashes. Reads no data files.
    """
    own: dict[str, str] = {}
    previous: dict[str, str | None] = {}
    for files in reversed(list(reading.sealed(root))):
        try:
            content = store_of(root).read(f"{files.run_id}/{files.manifest.name}")
            manifest, _ = reading.read_manifest(files)
        except (OSError, Refused):
            continue  # named by check_run already
        own |= dict.fromkeys(stands_for(hashlib.sha256(content).hexdigest(), _erasures(files)), files.run_id)
        previous[files.run_id] = manifest.previous_manifest_sha256
    found: list[Damage] = []
    taken: dict[str | None, str] = {}
    for run_id, stated in previous.items():
        sha256 = stated and own.get(stated, stated)  # one run, by whichever of its hashes it is named
        if stated is not None and stated not in own:
            text = "the run sealed before it is missing, or its manifest was changed."
            found.append(Damage(run_id, "manifest.json", "chain", text))
        elif sha256 in taken:
            text = f"it follows the same run as {taken[sha256]}."
            found.append(Damage(run_id, "manifest.json", "chain", text))
        taken.setdefault(sha256, run_id)
    return found
