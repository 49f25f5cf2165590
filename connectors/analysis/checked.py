"""A data file's hash, compared before its first use and remembered while the file stays the same."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.atomic_files import access_like, make_directory, replace
from trueup.connectors.archive.places import vault_of
from trueup.connectors.archive.records import unsigned_problem

if TYPE_CHECKING:
    from trueup.transforms.manifest import FileRecord

FOLDER = ".cache"
_MEMORY = "checked.json"


class Checked:
    """What was checked before; kept beside the runs, or for this process alone where that cannot be written."""

    def __init__(self, root: Path) -> None:
        """Remember what earlier commands checked in ``root``."""
        self._root = root
        self._own: tempfile.TemporaryDirectory[str] | None = None
        self.folder = self._place()
        opened = vault_of(root).opened
        self.private = self.folder if opened is None else opened / FOLDER
        """Where what is worked out lies, encrypted where the archive is."""
        self.private.mkdir(mode=0o700, exist_ok=True)
        self._known: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            self._known = json.loads((self.folder / _MEMORY).read_text(encoding="utf-8"))
        self._is_new = False

    def is_as_written(self, path: Path, record: FileRecord) -> bool:
        """Whether ``path`` holds exactly what ``record`` says; read only if it changed since it was last checked."""
        try:
            facts = path.lstat()
            seen = [record.sha256, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]
            name = str(path.relative_to(self._root))
            if self._known.get(name) == seen:
                return True
            if not vault_of(self._root).fits(name, path, record):
                return False
        except OSError:
            return False
        self._known[name] = seen
        self._is_new = True
        return True

    def problem_of(self, path: Path, content: bytes) -> str:
        """Why a manifest or an act is not what was written; bytes that were found right before are right."""
        sha256, name = hashlib.sha256(content).hexdigest(), str(path.relative_to(self._root))
        if self._known.get(name) == sha256:
            return ""
        problem = unsigned_problem(content)
        if not problem:
            self._known[name] = sha256
            self._is_new = True
        return problem

    def remember(self) -> None:
        """Keep what was checked for the next command; one that cannot be kept is checked again."""
        if self._is_new:
            with suppress(OSError):
                content = json.dumps(self._known).encode()
                replace(self.folder / _MEMORY, content, aside=self.folder, access=access_like(self._root))
            self._is_new = False

    def close(self) -> None:
        """Remove what was kept for this process alone."""
        if self._own is not None:
            self._own.cleanup()

    def _place(self) -> Path:
        folder = self._root / FOLDER
        with suppress(OSError):
            if not folder.is_dir():
                make_directory(folder, access_like(self._root))
            if os.access(folder, os.W_OK):
                return folder
        self._own = tempfile.TemporaryDirectory(prefix="trueup-")
        return Path(self._own.name)
