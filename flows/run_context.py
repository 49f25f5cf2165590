"""A run under construction: its configuration, its directory, what it is asked for."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.flows import configuration, screen, termination
from trueup.transforms.errors import Failed
from trueup.transforms.private import read_text, write_text
from trueup.transforms.settings import AttributeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.connectors.archive import Archive
    from trueup.flows.alone import Named
    from trueup.flows.configuration import NamedFiles
    from trueup.transforms.history import History
    from trueup.transforms.mapping import Mapping
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import MappingSettings, Settings
    from trueup.transforms.vocabulary import Kind


_GIVEN, _FAMILY = "name.givenName", "name.familyName"


_BEGUN: dict[str, Build] = {}
"""The runs this process is making, by directory."""


class Build:
    """A run under construction, found again by every task from its directory.

    The configuration and the files it names are read once, when the run begins: whoever saves them in the middle of the
    night changes the next run, not this one.
    """

    def __init__(self, settings: Settings, files: RunFiles, mapping: Mapping, named_files: NamedFiles) -> None:
        """Bind what was read to the run in ``files``.

        Args:
            settings: the configuration.
            files: where the run lies.
            mapping: the mapping it names, parsed.
            named_files: the files the configuration names, as they were read.
        """
        self.settings = settings
        self.files = files
        self.mapping = mapping
        self.digest = configuration.digest(settings, named_files)
        """Of the configuration that matters, with the content of the files it names."""
        self.checks_text = named_files(settings.checks.file) if settings.checks.file else None
        """What ``[checks] file`` says."""
        self.seconds: dict[str, float] = {}
        """Stage → seconds it took."""
        self.alone: Named | None = None
        """The people a plan for some is for, where only they were read."""

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Note how long the block took, however it ends; meanwhile the stage is shown at work.

        Raises:
            KeyboardInterrupt: somebody asked for the end, and it was lost on the way.
        """
        termination.go_on()
        self.seconds[stage] = 0.0
        begun = time.monotonic()
        try:
            with screen.at_work(stage):
                yield
        finally:
            self.seconds[stage] = round(time.monotonic() - begun, 3)

    @classmethod
    def of(cls, run: str) -> Build:
        """The run in directory ``run``, as this process began it.

        Raises:
            Failed: another process began it.
        """
        if run not in _BEGUN:
            raise Failed(f"Run {Path(run).name} was begun by another process.", remedy="Plan again: trueup plan")
        return _BEGUN[run]

    @cached_property
    def history(self) -> History:
        """All earlier runs against the same target; whose files were changed since, refuses to be read."""
        from trueup.connectors.archive.held_to_hashes import held_to_hashes

        return held_to_hashes(self.archive.history(self.settings.target.url))

    @cached_property
    def archive(self) -> Archive:
        """Where the run lies among the others."""
        from trueup.connectors.archive import open_archive

        return open_archive(self.settings)

    @cached_property
    def _request(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(read_text(_request_path(self.files)))
        return found

    @property
    def started(self) -> datetime:
        """When the run began; the ``Now()`` of its mapping."""
        return datetime.fromisoformat(self._request["started"])

    @property
    def expected(self) -> datetime | None:
        """When the schedule meant the run to begin; None where it was begun by hand."""
        written = self._request.get("expected")
        return datetime.fromisoformat(written) if written else None

    @property
    def only(self) -> tuple[str, ...]:
        """Keys of a partial plan."""
        return tuple(self._request.get("only", ()))

    @property
    def wish(self) -> dict[str, Any]:
        """What else the run is asked for (the way of a rollback)."""
        found: dict[str, Any] = self._request.get("wish", {})
        return found


def _request_path(files: RunFiles) -> Path:
    return files.work / "request.json"


def begin(
    settings: Settings,
    kind: Kind,
    *,
    only: tuple[str, ...] = (),
    wish: dict[str, Any] | None = None,
    expected: datetime | None = None,
) -> RunFiles:
    """A new run's directory, with what it is asked for laid down inside.

    From here on everything the configuration says or names is known, and is not read again.
    Keys of people are personal data, so they travel this way and never as parameters of a flow. ``expected`` is the
    moment the schedule meant, where the schedule began it.
    """
    from trueup.connectors.archive import open_archive

    named_files = configuration.NamedFiles(settings)
    mapping = load_mapping(settings, named_files)
    configuration.digest(settings, named_files)  # every file is read, or nothing is begun
    started = datetime.now(UTC)
    files = open_archive(settings).new_run(kind, started)
    _BEGUN[str(files.path)] = Build(settings, files, mapping, named_files)
    request = {
        "started": started.isoformat(),
        "expected": expected.isoformat() if expected else None,
        "only": list(only),
        "wish": wish or {},
    }
    write_text(_request_path(files), json.dumps(request))
    return files


def load_mapping(settings: Settings, named_files: NamedFiles | None = None) -> Mapping:
    """The mapping the configuration names, parsed.

    Raises:
        Misused: an expression, preset or import that cannot be read.
    """
    from trueup.transforms.mapping import load_mapping as load

    read_text = named_files or configuration.NamedFiles(settings)
    mapping = load(settings.mapping, read_text=read_text)
    if settings.checks.mononym == "repeat":
        return load(_with_repeated_names(settings.mapping, mapping), read_text=read_text)
    return mapping


def _with_repeated_names(settings: MappingSettings, mapping: Mapping) -> MappingSettings:
    """``[checks] mononym = "repeat"``: who has one name has it in both fields, by the mapping, for all to read."""
    names = {one.path: one for one in mapping.attributes if one.path in {_GIVEN, _FAMILY} and one.expression}
    if len(names) != 2:
        return settings
    given, family = names[_GIVEN], names[_FAMILY]
    repeated = {
        one.path: AttributeSettings(
            expression=f"IIF(IsNullOrEmpty({one.expression}), {other.expression}, {one.expression})",
            apply=one.apply,
            when_empty=one.when_empty,
            default=one.default,
        )
        for one, other in ((given, family), (family, given))
    }
    return settings.model_copy(update={"attributes": {**settings.attributes, **repeated}})
