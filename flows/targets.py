"""All targets of a folder of configurations: what each one's newest run came to, and what waits for a person."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trueup.flows import configuration, screen, termination
from trueup.flows.safe_errors import impersonal
from trueup.flows.unforeseen import where
from trueup.transforms.errors import Misused, TrueupError
from trueup.transforms.measures import still_needed, waits

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from trueup.transforms.settings import Settings


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target; what is not known is null."""

    config: str
    """The file, from the folder."""
    target: str | None = None
    run_id: str | None = None
    """The newest run."""
    kind: str | None = None
    state: str | None = None
    started: str | None = None
    age_seconds: int | None = None
    """Since the newest run began."""
    waits: str | None = None
    """The run that waits for somebody to decide on it."""
    waits_since: str | None = None
    error: str | None = None
    """Why nothing can be said of it."""

    def as_json(self) -> dict[str, Any]:
        """With the names above."""
        return asdict(self)


def configurations(folder: Path) -> list[Path]:
    """Every configuration of a folder: its files ``*.toml``, and ``trueup.toml`` in the folders below it.

    Raises:
        Misused: there is none.
    """
    found = sorted({*folder.glob("*.toml"), *folder.glob("*/trueup.toml")})
    if not found:
        raise Misused(
            f"There is no configuration in the folder {folder}.",
            remedy="Each target has a file *.toml there, or a folder of its own with trueup.toml.",
        )
    return found


def targets_of(folder: Path, at: datetime) -> list[TargetRow]:
    """One row per configuration, in the order of their names; a broken one is a row that says so.

    Raises:
        Misused: there is none at all.
    """
    return [_row(path, str(path.relative_to(folder)), at) for path in configurations(folder)]


def _row(path: Path, name: str, at: datetime) -> TargetRow:
    target: str | None = None
    try:
        settings = configuration.load(path)
        configuration.require(settings)
        target = settings.target.url
        return _newest(settings, name, at)
    except TrueupError as error:
        return TargetRow(name, target, error=impersonal(" ".join(f"{error.message} {error.remedy}".split())))
    except Exception as error:  # noqa: BLE001 - raised, one target that cannot be read would hide all others; its row says so, and the error is traced
        termination.go_on(error)
        screen.trace(error)
        return TargetRow(name, target, error=f"It cannot be read: {type(error).__name__} at {where(error)}.")


def _newest(settings: Settings, name: str, at: datetime) -> TargetRow:
    from trueup.connectors.archive import open_archive

    history = open_archive(settings, writable=False).history(settings.target.url)
    if not history.runs:
        return TargetRow(name, settings.target.url)
    run = history.runs[0]
    waiting = next((one for one in history.runs if waits(one, history) and still_needed(one)), None)
    return TargetRow(
        config=name,
        target=settings.target.url,
        run_id=run.run_id,
        kind=run.kind.value,
        state=run.state,
        started=run.manifest.started.isoformat(),
        age_seconds=max(0, int((at - run.manifest.started).total_seconds())),
        waits=waiting.run_id if waiting else None,
        waits_since=waiting.manifest.sealed.isoformat() if waiting else None,
    )
