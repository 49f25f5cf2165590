"""Runs without one person, prepared beside the archive's runs; nothing of a run is changed here."""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive import people, reading
from trueup.connectors.archive.acts import finish_names
from trueup.connectors.archive.atomic_files import access_like, make_directory, sha256_of, sync_file
from trueup.connectors.archive.lines import closed_line, opened_lines
from trueup.connectors.archive.locks import sealing
from trueup.connectors.archive.places import vault_of
from trueup.connectors.archive.records import rendered, signed
from trueup.connectors.archive.seals import close_file, record_of
from trueup.transforms.erasure import texts
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import Content, FileRecord, Manifest
from trueup.transforms.people_apart import joined
from trueup.transforms.private import read_bytes, read_text, write_bytes, write_text
from trueup.transforms.run_files import JOURNAL, RunFiles
from trueup.transforms.targets import same_target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trueup.connectors.archive.vault import Vault
    from trueup.transforms.erasure.person import Person

    Render = Callable[[RunFiles, Manifest, History], None]

_REPORTS = ("report.html", "report.md")
_COVERED = ("source.parquet", "target.parquet", "decisions.parquet", "changes.parquet", "mapping.sql")
"""What the fingerprint is made of."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What becomes of one run."""

    run_id: str
    files: dict[str, tuple[FileRecord, FileRecord]] = field(default_factory=dict)
    """Data file → its record before and after."""
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Manifest or act → ``before`` and ``after``; see ``trueup.transforms.erasure.stated``."""
    fingerprint: str | None = None
    rows: int = 0
    """Rows that were about the person."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in ``erasure.json``."""
        pairs = {name: [one.model_dump(mode="json") for one in pair] for name, pair in self.files.items()}
        return {"files": pairs, "records": self.records, "fingerprint": self.fingerprint}

    @classmethod
    def from_json(cls, run_id: str, said: dict[str, Any]) -> Staged:
        """The same, read again."""
        pairs = {name: tuple(map(FileRecord.model_validate, pair)) for name, pair in said["files"].items()}
        return cls(
            run_id, {name: (one, two) for name, (one, two) in pairs.items()}, said["records"], said["fingerprint"]
        )


def bring_all(root: Path) -> None:
    """Every file of every run lies in its directory, where runs are kept elsewhere: a person is looked for in them.

    Raises:
        Refused: a file is not what was written.
        Failed: the store cannot be reached, or the disk is full.
    """
    for files in reading.sealed(root):
        manifest, sha256 = reading.read_manifest(files)
        for name in people.accepted_records(manifest, reading.read_acts(files, sha256)):
            files.file(name)


def stage(root: Path, place: Path, person: Person, render: Render) -> list[Staged]:
    """Every run that names the person, as it is to be, in ``place/<run id>``; oldest first.

    Raises:
        Refused: a file that names the person is not what was written.
    """
    found: list[Staged] = []
    earlier: dict[str, tuple[PriorRun, ...]] = {}
    for files in reversed(list(reading.sealed(root))):
        with sealing(root):
            finish_names(files, reading.read_acts(files, reading.read_manifest(files)[1]))
        run = reading.read_run(files)
        opened = vault_of(root).opened
        lies_open = None if opened is None else opened / place.name / files.run_id
        aside = RunFiles(place / files.run_id, opened=lies_open)
        target = same_target(run.manifest.target)
        history = earlier.get(target, ())
        said = _Run(run, aside, person).staged(render, History(history))
        if said is not None:
            found.append(said)
            run = replace(run, files=aside, manifest=_whole_manifest(aside, run))
        earlier[target] = (run, *history)
    return found


@dataclass
class _Run:
    """One run under preparation."""

    run: PriorRun
    aside: RunFiles
    person: Person

    def staged(self, render: Render, history: History) -> Staged | None:
        files = self.run.files
        manifest, sha256 = reading.read_manifest(files)
        acts = reading.read_acts(files, sha256)
        known = {name: every[-1] for name, every in people.accepted_records(manifest, acts).items()}
        there = {name: record for name, record in known.items() if (files.path / name).exists()}
        if files.journal.exists():
            there.setdefault(files.journal.name, record_of(files.journal))  # of a run that was given up
        changed = [name for name in there if name not in _REPORTS and self._write(name)]
        records = self._records(sha256)
        reports = [name for name in _REPORTS if name in there]
        if not (changed or records or any(map(self._report_names, reports))):
            for folder in (self.aside.path, self.aside.place):
                shutil.rmtree(folder, ignore_errors=True)
            return None
        self._complete(there, {*changed, *reports, *records})
        if reports:
            self._render(reports, render, history)
            changed += reports
        after = {name: self._recorded(name) for name in changed}
        for name in changed:
            self._refuse_changed(name, there[name])
        from trueup.transforms.erasure.tables import rows_about  # brings Arrow, which opening an archive can do without

        rows = sum(rows_about(files.file(name), self.person) for name in changed if name.endswith(".parquet"))
        for name in records:
            sync_file(self.aside.path / name)
        pairs = {name: (there[name], after[name]) for name in changed}
        if files.journal.name in pairs:
            pairs[files.journal.name] = (record_of(files.journal), after[files.journal.name])
        return Staged(files.run_id, pairs, records, self._fingerprint(manifest), rows)

    def _refuse_changed(self, name: str, record: FileRecord) -> None:
        """What was changed by somebody else is never made to look whole."""
        path = self.run.files.path / name
        length = record.bytes if path == self.run.files.journal else None
        if sha256_of(path, length) != record.sha256 and not self.vault.fits(self._key(name), path, record):
            raise reading.damaged(self.run.run_id, f"{name} is not what was written")

    def _write(self, name: str) -> bool:
        """Write one data file without the person; whether it named them."""
        path, into = self.run.files.file(name), self.aside.file(name)
        self._folder(into)
        if path.suffix == ".parquet":
            from trueup.transforms.erasure.tables import write_without

            return write_without(path, into, self.person)
        before = self._lines(path) if path.suffix == ".jsonl" else read_bytes(path)
        if path.suffix == ".jsonl":
            after = texts.lines_without(before, self.person)
        elif path.suffix == ".json":
            said = texts.forgotten(content := json.loads(before), self.person)
            after = before if said == content else json.dumps(said, ensure_ascii=False, indent=2).encode()
        else:
            after = texts.without(before.decode(errors="surrogateescape"), self.person).encode(errors="surrogateescape")
        if after != before and path.suffix == ".jsonl" and (cipher := self.vault.cipher(self.run.run_id)) is not None:
            into.write_bytes(closed_line(after, cipher))
        elif after != before:
            write_bytes(into, after)
        return after != before

    def _lines(self, journal: Path) -> bytes:
        cipher = self.vault.cipher(self.run.run_id)
        return journal.read_bytes() if cipher is None else b"".join(opened_lines(journal, cipher))

    @property
    def vault(self) -> Vault:
        return vault_of(self.run.files.path.parent)

    def _key(self, name: str) -> str:
        return f"{self.run.run_id}/{name}"

    def _records(self, manifest_sha256: str) -> dict[str, dict[str, dict[str, Any]]]:
        """Rewrite the manifest and the acts that name the person themselves; those of today name nobody."""
        files, found = self.run.files, {}
        for path in (files.manifest, *reading.act_paths(files)):
            name = path.relative_to(files.path).as_posix()
            content = self.vault.open(self._key(name), path.read_bytes())
            document = json.loads(content)
            said = texts.forgotten(document, self.person)
            if said == document:
                continue
            after = signed(said)
            self._folder(self.aside.path / name)
            (self.aside.path / name).write_bytes(self.vault.close(self._key(name), rendered(after)))
            is_act = path != files.manifest
            found[name] = {
                "before": _stated(content, document["sha256"] if is_act else manifest_sha256),
                "after": _stated(rendered(after), after["sha256"] if is_act else ""),
            }
        return found

    def _report_names(self, name: str) -> bool:
        text = read_bytes(self.run.files.file(name)).decode(errors="replace")
        return texts.names(plain(text), self.person)

    def _render(self, reports: list[str], render: Render, history: History) -> None:
        """Write the reports anew from what is left; whatever of them still names the person is put out as text."""
        if self.aside.decisions.exists():
            render(self.aside, _whole_manifest(self.aside, self.run), history)
        else:
            for name in reports:
                shutil.copyfile(self.run.files.file(name), self.aside.file(name))
        for name in reports:
            path = self.aside.file(name)
            text = read_text(path)
            if texts.names(plain(text), self.person):
                write_text(path, out_of_markup(text, self.person))

    def _complete(self, there: dict[str, FileRecord], without: set[str]) -> None:
        """Lay what stays as it is beside what was rewritten, so that the run can be read whole."""
        for name in there.keys() - without:
            path, into = self.run.files.file(name), self.aside.file(name)
            self._folder(into)
            try:
                os.link(path, into)
            except OSError:
                shutil.copyfile(path, into)

    def _recorded(self, name: str) -> FileRecord:
        kept = self.aside.path / name
        if self.aside.file(name) != kept:
            self._folder(kept)
            draft, record = close_file(self.run.files, self.aside.file(name), name)
            draft.replace(kept)
            return record
        sync_file(kept)
        return record_of(kept, name=name) if name != JOURNAL else self._of_journal(kept)

    def _of_journal(self, kept: Path) -> FileRecord:
        record, said = record_of(kept), self._lines(kept)
        if self.vault.cipher(self.run.run_id) is None:
            return record
        return record.model_copy(update={"content": Content(sha256=hashlib.sha256(said).hexdigest(), bytes=len(said))})

    def _fingerprint(self, manifest: Manifest) -> str | None:
        if not manifest.fingerprint or not all(self.aside.file(name).exists() for name in _COVERED):
            return None
        from trueup.transforms.fingerprint import fingerprint  # as in integrity

        return fingerprint(self.aside, manifest.configuration_digest, version=manifest.fingerprint_version)

    def _folder(self, into: Path) -> None:
        self.aside.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.aside.path, into.parent):
            if not folder.is_dir():
                make_directory(folder, access_like(self.run.files.path.parent))


def _stated(content: bytes, stands: str) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"sha256": sha256, "bytes": len(content), "stands": stands or sha256}


def _whole_manifest(aside: RunFiles, run: PriorRun) -> Manifest:
    """The manifest as it will be read once the run is as prepared."""
    path = aside.manifest if aside.manifest.exists() else run.files.manifest
    said = vault_of(run.files.path.parent).open(f"{run.run_id}/{path.name}", path.read_bytes())
    document, side = json.loads(said), aside.file(people.OF_MANIFEST)
    return Manifest.model_validate(joined(document, people.unpacked(read_bytes(side))) if side.exists() else document)


def plain(text: str) -> str:
    """A report's text without the escapes of HTML, Markdown and JSON, to look for names in."""
    return re.sub(r"\\([^\w\s])", r"\1", html.unescape(text))


def out_of_markup(text: str, person: Person) -> str:
    """A report with the person's words put out in whatever escaping they stand."""
    for word in sorted(person.sought, key=len, reverse=True):
        escaped = re.sub(r"([^\w\s])", r"\\\1", word)
        for spelt in {word, html.escape(word), html.escape(word).replace("&#x27;", "&#39;"), escaped}:
            text = re.sub(rf"(?<!\w){re.escape(spelt)}(?!\w)", person.token, text, flags=re.IGNORECASE)
    return text
